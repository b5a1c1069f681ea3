"""Handwritten digits that come with scikit-learn: real images without a download."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset


class Digits(Dataset[tuple[Tensor, int]]):
    """The 1797 handwritten digits that scikit-learn carries, 8 x 8 pixels each, 174 to 183 of every digit.

    Source: Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository (1998),
    its test part.

    Attributes:
        images: Shape ``(1797, 1, 8, 8)``, float32, from 0 (paper) to 1 (ink).
        labels: Shape ``(1797,)``, int64, from 0 to 9.
        classes: The names of the classes, ``"0"`` to ``"9"``.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.

    Example:
        >>> digits = Digits()
        >>> image, label = digits[0]
        >>> tuple(image.shape), label, len(digits)
        ((1, 8, 8), 0, 1797)
    """

    images: Tensor
    labels: Tensor
    classes: list[str]

    def __init__(self) -> None:
        try:
            from sklearn.datasets import load_digits
        except ModuleNotFoundError as error:
            msg = (
                "`Digits` must have scikit-learn, which brings the images, and it is not installed. "
                'Run: pip install "lightning-imbalance[demo]"'
            )
            raise ModuleNotFoundError(msg, name=error.name) from error
        bundle = load_digits()
        self.images = torch.from_numpy(bundle.images).to(torch.float32).div_(16).unsqueeze(1)
        self.labels = torch.from_numpy(bundle.target).to(torch.int64)
        self.classes = [str(digit) for digit in range(10)]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.images[index], int(self.labels[index])

    def class_labels(self) -> Tensor:
        """Return the label of every image, which counting reads in place of the images.

        Returns:
            Shape ``(1797,)``, int64.

        Example:
            >>> Digits().class_labels()[:5]
            tensor([0, 1, 2, 3, 4])
        """
        return self.labels
