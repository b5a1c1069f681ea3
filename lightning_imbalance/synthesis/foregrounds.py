"""Images of a data set drawn class by class, to be pasted into others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imbalance import labels as reading
from lightning_imbalance.counting import Task, encode
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.true_class import is_true_class

if TYPE_CHECKING:
    from typing_extensions import Self


class Foregrounds:
    """Draws samples of a training set, the classes in any shares.

    Copies of it share the data set, which may be large. Labels are read at the first draw, without opening a sample.

    Args:
        dataset: A map-style data set with samples of an image and a class index.

    Raises:
        TypeError: It is none, or only a pass over its samples could tell the labels.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> dataset = TensorDataset(torch.arange(4.0).view(4, 1, 1, 1), torch.tensor([0, 0, 0, 1]))
        >>> batch, shares = torch.zeros(2, 1, 1, 1), torch.zeros(2, 2)
        >>> images, labels = Foregrounds(dataset).draw(batch, shares, torch.tensor([3, 1]), power=1.0)
        >>> images.shape, labels.shape
        (torch.Size([2, 1, 1, 1]), torch.Size([2, 2]))
    """

    def __init__(self, dataset: Dataset[Any]) -> None:
        if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
            msg = f"`foregrounds` must be a data set with samples by index, got {type(dataset).__name__}."
            raise TypeError(msg)
        self.dataset: Any = dataset
        self._members: tuple[Tensor, Tensor] | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(self.dataset)

    def draw(
        self, batch: Tensor, shares: Tensor, class_counts: Tensor, power: float, task: Task = "multiclass"
    ) -> tuple[Tensor, Tensor]:
        """Draw as many samples as a batch has.

        Args:
            batch: The images they are for, shape ``(N, channels, H, W)``.
            shares: The batch's labels, shape ``(N, C)``.
            class_counts: Samples of each class that training knows, shape ``(C,)``, on the CPU.
            power: Each sample of class c is drawn with a probability ∝ n_c^(-power).
            task: ``"multiclass"`` or ``"binary"``.

        Returns:
            Images and one-hot labels of the batch's shapes, types and device.

        Raises:
            TypeError: The labels are not at hand, or a sample is no tensor.
            ValueError: The data set is not the training data, or its images are of another shape.
        """
        order, starts = self._found(class_counts, task)
        # By class and then within it: weights for each sample would be as long as the data set.
        present = class_counts > 0
        chances = torch.where(present, class_counts.double().clamp_min(1).pow(1 - power), 0)
        classes = torch.multinomial(chances, len(batch), replacement=True)
        within = (torch.rand(len(batch), dtype=torch.float64) * class_counts[classes]).long()
        samples = [self.dataset[index] for index in order[starts[classes] + within].tolist()]
        images = [reading.unpack_batch(sample)[0] for sample in samples]
        for image in images:
            if not isinstance(image, Tensor) or image.shape != batch.shape[1:]:
                got = f"shape {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
                msg = (
                    f"the images of `foregrounds` must be tensors of the batch's shape {tuple(batch.shape[1:])}, got "
                    f"{got}. Give it the transform that the training data have."
                )
                raise (ValueError if isinstance(image, Tensor) else TypeError)(msg)
        stacked = torch.stack(images).to(batch.dtype).to(batch.device, non_blocking=True)
        labels = is_true_class(classes, shares.shape[1]).to(shares.dtype)
        return stacked, labels.to(shares.device, non_blocking=True)

    def _found(self, class_counts: Tensor, task: Task) -> tuple[Tensor, Tensor]:
        if self._members is None:
            found = reading.read(self.dataset)
            if found is None:
                msg = (
                    f"the labels of `foregrounds` must be at hand, got {type(self.dataset).__name__}, which would have "
                    "to be opened sample by sample. Give it a method `class_labels()`."
                )
                raise TypeError(msg)
            values = found.values if isinstance(found.values, Tensor) else encode(found.values, found.class_names)
            values = values.flatten().long()
            counts = ClassDistribution.from_labels(values, len(class_counts), task=task).counts
            if not torch.equal(counts, class_counts):
                msg = (
                    f"`foregrounds` must be the training data, of {_listed(class_counts)} samples by class, got "
                    f"{_listed(counts)}. A sample of the validation data must not get into training."
                )
                raise ValueError(msg)
            self._members = values.argsort(stable=True), counts.cumsum(0) - counts
        return self._members


def _listed(counts: Tensor) -> str:
    shown = ", ".join(f"{count:,}" for count in counts[:10].tolist())
    return f"{shown}, ..." if len(counts) > 10 else shown
