"""CutMix whose boxes show the rare classes: context-rich minority oversampling (CMO)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imbalance.functional.class_counts import without_zeros
from lightning_imbalance.functional.reduction import widest_float
from lightning_imbalance.parameters import not_negative, positive, share, whole
from lightning_imbalance.synthesis.batch_transform import BatchTransform
from lightning_imbalance.synthesis.cutmix import require_images
from lightning_imbalance.synthesis.foregrounds import Foregrounds


class CutMixMinority(BatchTransform):
    r"""Pastes boxes of images of rare classes into the batch (Park et al. 2022, "The Majority Can Help The Minority").

    The batch is the background. The foregrounds are drawn with probabilities :math:`∝ n_c^{-r}` of each sample of class
    c, r being ``power``, so that with r = 1 every class is drawn equally often. Box and λ are those of
    :class:`CutMix`: one box a batch, and the target is λ·background + (1 − λ)·foreground by the area that was really
    pasted. A class without training samples is taken for one as rare as the rarest that has some.

    The paper draws foregrounds from the whole training set, through a second dataloader. That is what ``foregrounds``
    is for; its samples are opened in the training process, one for each image of a batch, so that it suits images in
    memory. By default foregrounds come from the batch itself, which costs nothing, and reaches a class that is missing
    in most batches only where it is in one: with a class of 5 samples among 10,000 and batches of 128, one batch in
    sixteen.

    Args:
        alpha: α of λ ~ Beta(α, α), above 0: 1 draws every area alike.
        power: r, from 0 (each sample alike) on; 1 draws each class alike.
        probability: How often a batch is mixed at all.
        skip_first: So many epochs at the start are not mixed.
        skip_last: So many epochs at the end are not mixed. In plain PyTorch, :meth:`set_epoch` says which epoch it is;
            :class:`~lightning_imbalance.WeightedClassifier` calls it.
        foregrounds: The training data set, with samples of an image and a class index. It must have the counts that
            :meth:`adapt` was told, so that no validation sample gets into training. By default the batch.

    Raises:
        TypeError: ``foregrounds`` has no labels at hand.
        ValueError: An argument is out of its range.

    Example:
        >>> from lightning_imbalance import ClassDistribution
        >>> cutmix = CutMixMinority(probability=1.0, skip_first=0, skip_last=0).adapt(ClassDistribution([90, 10]))
        >>> images, target = cutmix(torch.randn(8, 3, 32, 32), torch.tensor([0, 0, 0, 1, 0, 0, 1, 0]))
        >>> images.shape, target.shape
        (torch.Size([8, 3, 32, 32]), torch.Size([8, 2]))
    """

    tasks = ("multiclass", "binary")
    _needs_one_class = "whose rarity decides how often it is pasted"

    def __init__(
        self,
        alpha: float = 1.0,
        power: float = 1.0,
        probability: float = 0.5,
        *,
        skip_first: int = 3,
        skip_last: int = 3,
        foregrounds: Dataset[Any] | None = None,
    ) -> None:
        super().__init__()
        self.alpha = positive("alpha", alpha)
        self.power = not_negative("power", power)
        self.probability = share("probability", probability)
        if probability == 0:
            msg = "`probability` must be above 0, got 0: no batch would be mixed. Leave the transform out instead."
            raise ValueError(msg)
        self.skip_first = whole("skip_first", skip_first)
        self.skip_last = whole("skip_last", skip_last)
        self._foregrounds = None if foregrounds is None else Foregrounds(foregrounds)
        self._mixes = True if skip_first == skip_last == 0 else None

    @property
    def foregrounds(self) -> Dataset[Any] | None:
        """The data set that foregrounds are drawn from, ``None`` for the batch."""
        return None if self._foregrounds is None else self._foregrounds.dataset

    def set_epoch(self, epoch: int, num_epochs: int | None = None) -> None:
        """Say which epoch it is; the first and the last ones are not mixed.

        Args:
            epoch: The epoch, from 0 on.
            num_epochs: How many there will be; needed where ``skip_last`` is not 0.

        Raises:
            ValueError: No epoch would be mixed, or nobody knows which are the last.
        """
        skips = f"skip_first={self.skip_first} and skip_last={self.skip_last}"
        if self.skip_last and num_epochs is None:
            msg = (
                f"`skip_last` must be 0 where the number of epochs is not known, got {self.skip_last}. Pass "
                "`CutMixMinority(skip_last=0)`, or `Trainer(max_epochs=...)`."
            )
            raise ValueError(msg)
        if num_epochs is not None and self.skip_first + self.skip_last >= num_epochs:
            msg = (
                f"`skip_first` and `skip_last` must leave an epoch to mix, got {skips} with {num_epochs} in all. Pass "
                "smaller ones: `CutMixMinority(skip_first=0, skip_last=0)`."
            )
            raise ValueError(msg)
        ended = num_epochs is not None and epoch >= num_epochs - self.skip_last
        self._mixes = epoch >= self.skip_first and not ended

    def mix(self, inputs: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return images with a box of a foreground, and the share of each class in them."""
        from torchvision.transforms import v2

        require_images(inputs, self)
        if self._mixes is None:
            msg = (
                "CutMixMinority must know the epoch, since it leaves out the first and the last, got none. Call "
                "`set_epoch(epoch, num_epochs)` before each, or pass `skip_first=0, skip_last=0`."
            )
            raise RuntimeError(msg)
        # Drawn on the host, so that every device mixes alike, and nothing waits for one.
        if not self._mixes or torch.rand(()).item() >= self.probability or len(inputs) == 0:
            return inputs, shares
        parameters = v2.CutMix(alpha=self.alpha).make_params([inputs])
        (left, top, right, bottom), own = parameters["box"], parameters["lam_adjusted"]
        images, labels = self._drawn(inputs, shares)
        mixed = inputs.clone()
        mixed[..., top:bottom, left:right] = images[..., top:bottom, left:right]
        return mixed, shares * own + labels * (1 - own)

    def extra_repr(self) -> str:
        """Return the arguments that differ from their defaults."""
        drawn = [] if self.foregrounds is None else [f"foregrounds={type(self.foregrounds).__name__}"]
        return ", ".join(filter(None, (super().extra_repr(), *drawn)))

    def _drawn(self, inputs: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        if self._foregrounds is not None:
            counts = self.class_counts.cpu()
            return self._foregrounds.draw(inputs, shares, counts, self.power, self.task)
        counts = without_zeros(self.class_counts.to(widest_float(shares.device)))
        chosen = draw_in_proportion(counts[shares.argmax(1)].pow(-self.power))
        return inputs[chosen], shares[chosen]


def draw_in_proportion(weights: Tensor) -> Tensor:
    """Draw as many entries as there are, with replacement, without waiting for the device they are on.

    Args:
        weights: Above 0, shape ``(N,)``, float64 (float32 on Apple's GPUs).

    Returns:
        Indices, shape ``(N,)``, int64; each is i with a probability ∝ ``weights[i]``.

    Example:
        >>> draw_in_proportion(torch.tensor([1.0, 1e-300, 1e-300])).tolist()
        [0, 0, 0]
    """
    ends = weights.cumsum(0)
    places = torch.rand(len(weights), dtype=torch.float64).to(weights.dtype).to(weights.device, non_blocking=True)
    # Rounding may carry a place to the very end, behind the last entry.
    return torch.searchsorted(ends, places * ends[-1], right=True).clamp_max(len(weights) - 1)
