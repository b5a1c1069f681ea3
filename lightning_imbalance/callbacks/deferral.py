"""When weights change in the course of a fit, and from what to what."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import get_args

from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.ramp import Ramp, epoch_at, ramped

START = 0.8


@dataclass(frozen=True)
class Deferral:
    """Says which share of the new weights each epoch has: 0 before the start, 1 from the start or the ramp's end on.

    Epochs count from 0. A ramp has ``ramp_epochs`` epochs between 0 and 1; the k-th of them has t = k / (ramp_epochs +
    1) for ``"linear"``, and (1 - cos πt) / 2 for ``"cosine"``.

    Args:
        start: Share of the fit's epochs after which it begins, above 0 and below 1; 0.8 where no epoch is given.
        start_epoch: The epoch in which it begins, instead of ``start``.
        ramp: ``"linear"`` or ``"cosine"``; ``None`` changes at once.
        ramp_epochs: How many epochs the ramp has.

    Raises:
        ValueError: An argument has a value that cannot work, or cannot take effect.

    Example:
        >>> Deferral(start=0.8).mixture(159, 200), Deferral(start=0.8).mixture(160, 200)
        (0.0, 1.0)
        >>> [Deferral(start_epoch=2, ramp="linear", ramp_epochs=3).mixture(epoch) for epoch in range(7)]
        [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """

    start: float | None = None
    start_epoch: int | None = None
    ramp: Ramp | None = None
    ramp_epochs: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work with any number of epochs."""
        if self.start is not None and self.start_epoch is not None:
            got = f"start={self.start} and start_epoch={self.start_epoch}"
            msg = f"`start` must be left out with `start_epoch`, got {got}."
            raise ValueError(msg)
        if self.start is not None and not (isinstance(self.start, Real) and 0 < self.start < 1):
            way_out = "Pass `start_epoch` for an epoch; for weights from the beginning pass `weighting`."
            msg = f"`start` must be a share of the epochs, above 0 and below 1, got {self.start!r}. {way_out}"
            raise ValueError(msg)
        least = 1 if self.ramp is None else 0
        if self.start_epoch is not None and not (isinstance(self.start_epoch, Integral) and self.start_epoch >= least):
            msg = f"`start_epoch` must be an integer from {least} on, got {self.start_epoch!r}."
            if self.start_epoch == 0:
                msg += " For weights from the beginning pass `weighting`."
            raise ValueError(msg)
        if self.ramp not in (None, *get_args(Ramp)):
            msg = f"`ramp` must be None, 'linear' or 'cosine', got {self.ramp!r}."
            raise ValueError(msg)
        if self.ramp is None and self.ramp_epochs is not None:
            msg = f"`ramp_epochs` must come with `ramp`, 'linear' or 'cosine', got {self.ramp_epochs!r} without it."
            raise ValueError(msg)
        if self.ramp is not None and not (isinstance(self.ramp_epochs, Integral) and self.ramp_epochs >= 1):
            msg = f"`ramp_epochs` must be an integer from 1 on for ramp={self.ramp!r}, got {self.ramp_epochs!r}."
            raise ValueError(msg)

    def first_epoch(self, max_epochs: int = -1) -> int:
        """Return the first epoch that has other weights.

        Args:
            max_epochs: Number of epochs of the fit, -1 for no end.

        Returns:
            ``start_epoch``, or the epoch in which the share ``start`` of all epochs is reached.

        Raises:
            ValueError: A share was given, and there is no end.

        Example:
            >>> Deferral(start=0.8).first_epoch(200), Deferral(start=0.8).first_epoch(7)
            (160, 5)
        """
        if self.start_epoch is not None:
            return int(self.start_epoch)
        start = START if self.start is None else self.start
        if max_epochs < 1:
            msg = (
                f"`start` must be a share of the Trainer's `max_epochs`, got start={start} and "
                f"max_epochs={max_epochs}. Pass `start_epoch=...`, or `Trainer(max_epochs=...)`."
            )
            raise ValueError(msg)
        return epoch_at(start, max_epochs)

    def mixture(self, epoch: int, max_epochs: int = -1) -> float:
        """Return the share of the new weights in an epoch, from 0 to 1.

        Args:
            epoch: The epoch, from 0 on.
            max_epochs: Number of epochs of the fit, -1 for no end.

        Returns:
            The share.

        Raises:
            ValueError: As :meth:`first_epoch`.
        """
        begun = epoch - self.first_epoch(max_epochs) + 1
        if begun <= 0:
            return 0.0
        if self.ramp is None or self.ramp_epochs is None or begun > self.ramp_epochs:
            return 1.0
        return ramped(begun / (int(self.ramp_epochs) + 1), self.ramp)

    def check_reached(self, max_epochs: int) -> None:
        """Refuse a fit that ends before the new weights are fully in force.

        Args:
            max_epochs: Number of epochs of the fit, -1 for no end.

        Raises:
            ValueError: It ends before, or as :meth:`first_epoch`.

        Example:
            >>> Deferral(start_epoch=160).check_reached(200)
        """
        first = self.first_epoch(max_epochs)
        if max_epochs < 0 or self.mixture(max_epochs - 1, max_epochs) == 1:
            return
        if first >= max_epochs:
            got = f"start_epoch={self.start_epoch}"
        else:
            got = f"a ramp of {self.ramp_epochs} epochs from epoch {first} on"
        msg = f"the scheme's weights must be in force before the fit ends, at epoch {max_epochs}, got {got}."
        raise ValueError(msg)


def mixed(before: Tensor, after: Tensor, mixture: float, distribution: ClassDistribution) -> Tensor:
    """Return class weights between two others.

    Only the quotients of class weights matter to a weighted mean, and schemes differ in scale: ``inverse`` gives 1/n_c.
    So in between, the second are scaled to the mean of the first over the training samples: each class's share of the
    loss then goes straight from one to the other. A ``pos_weight`` of ``multilabel`` has a scale that matters, and is
    mixed as it is.

    Args:
        before: Weights at ``mixture=0``, shape ``(C,)``.
        after: Weights at ``mixture=1``, shape ``(C,)``.
        mixture: From 0 to 1.
        distribution: The training data's classes.

    Returns:
        Shape ``(C,)``; at 0 and 1 the very tensors.

    Example:
        >>> import torch
        >>> uniform, inverse = torch.ones(2), torch.tensor([1 / 8, 1 / 2])
        >>> mixed(uniform, inverse, 0.5, ClassDistribution([8, 2]))
        tensor([0.8125, 1.7500])
    """
    if mixture in (0, 1):
        return after if mixture else before
    first, second = before.double(), after.double()
    if distribution.task != "multilabel":
        counts = distribution.counts.double()
        second = second * (counts @ first / (counts @ second))
    return ((1 - mixture) * first + mixture * second).float()
