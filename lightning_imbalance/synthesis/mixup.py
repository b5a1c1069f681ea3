"""Mixup: each sample becomes a weighted mean of itself and another one."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.parameters import positive
from lightning_imbalance.synthesis.batch_transform import BatchTransform


class Mixup(BatchTransform):
    """Mixes each sample with the one before it in the batch (Zhang et al. 2018, "mixup").

    Input and target become λ·own + (1 − λ)·other, with one λ ~ Beta(α, α) a batch. torchvision's ``v2.MixUp`` does it;
    tables and other inputs that are no images are mixed too. Batches must be shuffled: of neighbours that are alike
    nothing new comes.

    Mixup treats all classes alike; it evens out what a network is sure of, not how often a class is seen. Use it with
    class weights or a balanced sampler, or take :class:`Remix`.

    Args:
        alpha: α, above 0: 1 draws every λ alike, less draws samples that are nearly unmixed.

    Raises:
        ValueError: ``alpha`` is not above 0.

    Example:
        >>> import torch
        >>> from lightning_imbalance import ClassDistribution
        >>> mixup = Mixup().adapt(ClassDistribution([90, 10]))
        >>> inputs, target = mixup(torch.eye(2), torch.tensor([0, 1]))
        >>> bool(torch.equal(inputs, target))
        True
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = positive("alpha", alpha)

    def mix(self, inputs: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return mixed inputs and the share of each class in them."""
        from torchvision.transforms import v2

        require_floats(inputs, self)
        # torchvision mixes batches of images alone; to it, anything else is an image of one row.
        images = inputs if inputs.ndim == 4 else inputs.reshape(len(inputs), 1, 1, -1)
        mixed, shares = v2.MixUp(alpha=self.alpha)(images, shares)
        return mixed.reshape(inputs.shape), shares


def require_floats(inputs: Tensor, transform: BatchTransform) -> None:
    """Refuse inputs that a mean would be cut off of.

    Args:
        inputs: Any tensor.
        transform: For whom, in the message.

    Raises:
        TypeError: They are no floating-point numbers.

    Example:
        >>> import torch
        >>> require_floats(torch.zeros(2, dtype=torch.uint8), Mixup())
        Traceback (most recent call last):
        TypeError: `inputs` must be floating-point numbers for Mixup, got uint8. Convert them before, ...
    """
    if not inputs.is_floating_point():
        kind = str(inputs.dtype).removeprefix("torch.")
        msg = (
            f"`inputs` must be floating-point numbers for {type(transform).__name__}, got {kind}. Convert them before, "
            "for example with `v2.ToDtype(torch.float32, scale=True)`; codes and token ids have no mixture."
        )
        raise TypeError(msg)
