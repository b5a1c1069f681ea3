"""Samples of rare classes several times, those of frequent ones once."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal

from torch import Tensor
from typing_extensions import Unpack

from lightning_imbalance.samplers.base import ClassSampler, Options


class RepeatFactorSampler(ClassSampler):
    r"""Draws a sample :math:`r_c = \max(1, \sqrt{t / f_c})` times an epoch, with :math:`f_c` the share of its class.

    Gupta et al., LVIS, CVPR 2019, section 3.3; in ``multilabel`` the largest r of a sample's labels, as there. The
    authors' code rounds each r at random, so that the number of draws changes from epoch to epoch; here the draws of a
    class are rounded together, and an epoch has the same length each time.

    Args:
        labels_or_dataset: Labels, one a sample, or a data set that has them.
        threshold: t, above 0 and up to 1: classes with a smaller share are repeated. The 0.001 of the paper is for
            images with many objects, and changes nothing where no class is as rare as that, which is an error here.
            ``"auto"`` is 1 / C, the share that all classes would have alike (``multilabel``: the mean of the shares).
        options: As for :class:`~lightning_imbalance.samplers.ClassSampler`: ``seed``, ``task``, ``drop_last``, ...

    Raises:
        TypeError: There are no labels to be had, or an argument has the wrong type.
        ValueError: An argument has a value that cannot work; no class is rarer than the threshold.

    Example:
        >>> import torch
        >>> labels = torch.tensor([0] * 96 + [1] * 4)
        >>> labels[list(RepeatFactorSampler(labels, threshold=0.16))].bincount()
        tensor([96,  8])
    """

    def __init__(self, labels_or_dataset: Any, threshold: float | Literal["auto"], **options: Unpack[Options]) -> None:
        super().__init__(labels_or_dataset, **options)
        given = checked_threshold(threshold)
        shares = self.distribution.priors
        present = shares[shares > 0]
        self.threshold = float(present.mean()) if given is None else given
        if given is not None and float(present.min()) >= given:
            msg = (
                "`threshold` must be above the share of the rarest class for a sample to be repeated, "
                f"{float(present.min()):.4g}, got {threshold}. Pass a larger one, or 'auto'."
            )
            raise ValueError(msg)
        factors = (self.threshold / shares).sqrt().clamp_min(1)
        # Samples without a label are a class of their own in multilabel, which is drawn once.
        per_class = self.counts.double()
        per_class[: len(factors)] *= factors.nan_to_num(posinf=1.0)
        total = float(per_class.sum())
        self._expected = per_class * (round(total) / total)

    def expected_draws(self, epoch: int) -> Tensor:
        """Return how often each class comes in an epoch, shape of ``counts``, float64."""
        del epoch
        return self._expected.clone()


def checked_threshold(threshold: object) -> float | None:
    """Return a threshold after checking that it is a share, ``None`` for ``"auto"``.

    Args:
        threshold: What was given.

    Returns:
        The share.

    Raises:
        TypeError: It is no number and no string.
        ValueError: It is another string, or outside (0, 1].

    Example:
        >>> checked_threshold(0.001), checked_threshold("auto")
        (0.001, None)
    """
    if isinstance(threshold, str) and threshold == "auto":
        return None
    msg = f"`threshold` must be a share above 0 and up to 1, or 'auto', got {threshold!r}."
    if isinstance(threshold, bool) or not isinstance(threshold, (Real, str)):
        raise TypeError(msg)
    if isinstance(threshold, str) or not 0 < (share := float(threshold)) <= 1:
        raise ValueError(msg)
    return share
