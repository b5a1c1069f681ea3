"""Label-distribution-aware margin loss as a module."""

from __future__ import annotations

from torch import Tensor

from lightning_imbalance.functional.ldam import ldam_terms
from lightning_imbalance.functional.reduction import Reduction, Terms
from lightning_imbalance.losses.counted import CountedLoss
from lightning_imbalance.parameters import positive


class LDAMLoss(CountedLoss):
    """Cross-entropy with a margin that is larger, the rarer the true class.

    The formula, its source and how it differs from the authors' code are those of
    :func:`lightning_imbalance.functional.ldam`. The last layer of the model is a :class:`CosineClassifier` of the same
    ``scale``: its outputs, s times a cosine, are logits for softmax and metrics as they are. With an ordinary linear
    layer the loss stays finite and the margin is ``scale`` times m in units of its logits, which is not the paper's.

    Args:
        max_margin: Margin of the rarest class, as a difference of cosines. The authors take 0.5 for small data sets
            and 0.3 for iNaturalist.
        scale: s of the classifier, 30 in the paper.
        reduction: ``"mean"`` divides by the sum of the weights, ``"sum"`` and ``"none"`` as in torch.
        ignore_index: Indices of this value count nothing.

    Shape:
        logits ``(N, C, ...)``; target ``(N, ...)`` indices; weight ``(C,)``.

    Raises:
        ValueError: ``max_margin`` or ``scale`` is not above 0, or ``reduction`` unknown; when called: the targets are
            class probabilities.
        RuntimeError: When called: :meth:`adapt` was not called.

    Example:
        >>> import torch
        >>> from lightning_imbalance import ClassDistribution
        >>> loss = LDAMLoss(scale=10.0).adapt(ClassDistribution([160, 10]))
        >>> loss(10 * torch.tensor([[0.9, 0.1], [0.2, 0.6]]), torch.tensor([0, 1]))
        tensor(0.6587)
    """

    tasks = ("multiclass",)
    soft_targets = False

    def __init__(
        self,
        max_margin: float = 0.5,
        scale: float = 30.0,
        *,
        reduction: Reduction = "mean",
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction=reduction, ignore_index=ignore_index)
        self.max_margin = positive("max_margin", max_margin)
        self.scale = positive("scale", scale)

    def per_target(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Terms:
        """Return weighted loss and weight of each target."""
        return ldam_terms(
            logits,
            target,
            self.class_counts,
            weight,
            max_margin=self.max_margin,
            scale=self.scale,
            ignore_index=self.ignore_index,
        )
