"""What second stages of training share: from an epoch on the network rests, and a small part of it is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import lightning as L
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_imbalance.callbacks.deferred_reweighting import DeferredReweighting
from lightning_imbalance.callbacks.heads import find_head
from lightning_imbalance.class_state import ClassState
from lightning_imbalance.functional.ramp import epoch_at
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.parameters import whole
from lightning_imbalance.weighting import Weighting, check_weighting, class_weights


class SecondStage(L.Callback, ABC):
    """Freezes all but a part of the last layer at an epoch, and sets the class weights that it is trained with.

    A fit that is resumed after the start goes on with the frozen network. When the fit ends, parameters require
    gradients again as they did before. Subclasses define :meth:`check`, :meth:`trained` and :meth:`begin`, and
    :meth:`resume` where they keep more than that they have begun.

    Args:
        start_epoch: The epoch, counted from 0, from which on only that part is trained.
        start: The same as a share of ``max_epochs``, from 0 to below 1. One of both is given.
        head: Path of the last layer, such as ``"model.fc"``; by default the last ``torch.nn.Linear``.
        weighting: Class weights from then on, as :func:`~lightning_imbalance.class_weights` takes them; ``None`` leaves
            them.
        update_bn: Let the statistics of batch normalization move with the batches.

    Attributes:
        started: Whether the network is frozen.

    Raises:
        TypeError: In ``setup``: the module has no class weights, and ``weighting`` is not ``None``.
        ValueError: None or both of ``start_epoch`` and ``start`` are given. In ``setup``: there is no such epoch or
            layer, another callback would change the same, or the strategy cannot train a part of the parameters.

    Example:
        A part of one's own, the bias:

        >>> class BiasAlone(SecondStage):
        ...     part = "the bias of the last layer"
        ...     def check(self, name, head, pl_module):
        ...         pass
        ...     def trained(self, head):
        ...         return [head.bias]
        ...     def begin(self, trainer, name, head):
        ...         nn.init.zeros_(head.bias)
        >>> BiasAlone(start_epoch=160).started
        False
    """

    part: ClassVar[str]
    """What is trained, as messages call it."""

    def __init__(
        self,
        start_epoch: int | None = None,
        *,
        start: float | None = None,
        head: str | None = None,
        weighting: Weighting | None = "balanced",
        update_bn: bool = False,
    ) -> None:
        if (start_epoch is None) == (start is None):
            msg = (
                f"one of `start_epoch` and `start` must be given, got start_epoch={start_epoch!r} and start={start!r}."
            )
            raise ValueError(msg)
        if start_epoch is not None:
            start_epoch = whole("start_epoch", start_epoch)
        if start is not None and not 0 <= start < 1:
            msg = f"`start` must be from 0 to below 1, got {start}."
            raise ValueError(msg)
        self.start_epoch = start_epoch
        self.start = start
        self.head = head
        self.weighting = weighting
        self.update_bn = update_bn
        self.started = False
        self._start = 0
        self._frozen: list[nn.Parameter] = []
        self._resting: list[nn.Module] = []

    @abstractmethod
    def check(self, name: str, head: nn.Module, pl_module: L.LightningModule) -> None:
        """Refuse a last layer that cannot be trained in this way.

        Args:
            name: Its path.
            head: The layer.
            pl_module: The module.
        """

    @abstractmethod
    def trained(self, head: nn.Module) -> Iterable[nn.Parameter]:
        """Return the parameters that are trained from the start on."""

    @abstractmethod
    def begin(self, trainer: L.Trainer, name: str, head: nn.Module) -> None:
        """Make the last layer ready, in the start epoch and with everything else frozen."""

    def resume(self, head: nn.Module) -> None:
        """Put back what was kept, where a fit is resumed after the start."""

    def state_dict(self) -> dict[str, Any]:
        """Return whether the network is frozen."""
        return {"started": self.started}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back; the parameters follow when the fit starts."""
        self.started = state_dict["started"]

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse what cannot work, before anything is trained."""
        if stage != "fit":
            return
        # A second fit of the same Trainer goes on; another Trainer begins, or is resumed, which is known after this.
        self.started = self.started and trainer.current_epoch > 0
        self._start = self._first_epoch(trainer.max_epochs)
        _refuse_strategy(trainer)
        self._refuse_others(trainer)
        self.check(*find_head(pl_module, self.head), pl_module)
        if self.weighting is not None:
            _refuse_weighting(self.weighting, pl_module)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Freeze the network again, where a fit is resumed after the start."""
        _, head = find_head(pl_module, self.head)
        optimized = {p for optimizer in trainer.optimizers for group in optimizer.param_groups for p in group["params"]}
        if trainer.optimizers and not optimized.intersection(self.trained(head)):
            msg = (
                f"the optimizer must have {self.part} from the beginning, got an optimizer without "
                "them. Give it `self.parameters()`."
            )
            raise ValueError(msg)
        if self.started:
            self.resume(head)
            self._freeze(pl_module, head)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Freeze the network and begin, when it is time."""
        if self.started or trainer.current_epoch < self._start:
            return
        self.started = True
        name, head = find_head(pl_module, self.head)
        self._freeze(pl_module, head)
        self.begin(trainer, name, head)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Keep batch normalization at rest: whoever calls ``train()`` in between wakes it."""
        del trainer, pl_module, batch, batch_idx
        for layer in self._resting:
            layer.eval()

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let the network be trained again by whoever comes next."""
        del trainer, pl_module
        self._release()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Let the network be trained again by whoever comes next."""
        del trainer, pl_module, exception
        self._release()

    def _first_epoch(self, max_epochs: int | None) -> int:
        endless = max_epochs is None or max_epochs < 0
        if self.start is not None:
            if endless:
                msg = f"`max_epochs` must be given for `start`, got {max_epochs}. Or pass `start_epoch`."
                raise ValueError(msg)
            epochs = max_epochs or 0
            return epoch_at(self.start, epochs)
        start = self.start_epoch or 0
        if not endless and start >= (max_epochs or 0):
            msg = f"`start_epoch` must be below `max_epochs`, or it never comes, got {start} of {max_epochs}."
            raise ValueError(msg)
        return start

    def _refuse_others(self, trainer: L.Trainer) -> None:
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it
        mine = type(self).__name__
        for other in callbacks:
            theirs = type(other).__name__
            if isinstance(other, SecondStage) and other is not self:
                msg = f"a fit must have one second stage, got {mine} and {theirs}. Leave one out."
                raise ValueError(msg)
            if isinstance(other, DeferredReweighting) and self.weighting is not None:
                msg = (
                    f"the class weights must be changed by one callback, got {mine} and {theirs}. Pass "
                    f"`{mine}(..., weighting=None)`, or leave {theirs} out."
                )
                raise ValueError(msg)

    def _freeze(self, pl_module: L.LightningModule, head: nn.Module) -> None:
        own, layers = set(self.trained(head)), set(head.modules())
        self._frozen = [p for p in pl_module.parameters() if p.requires_grad and p not in own]
        for parameter in self._frozen:
            parameter.requires_grad = False
            # An optimizer steps wherever there is a gradient, an old one too.
            parameter.grad = None
        resting = [layer for layer in pl_module.modules() if isinstance(layer, _BatchNorm) and layer not in layers]
        self._resting = [] if self.update_bn else [layer for layer in resting if layer.training]
        if self.weighting is not None and isinstance(pl_module, ClassState) and pl_module.distribution is not None:
            pl_module.fill(pl_module.distribution, class_weights(pl_module.distribution, self.weighting))

    def _release(self) -> None:
        for parameter in self._frozen:
            parameter.requires_grad = True
        for layer in self._resting:
            layer.train()
        self._frozen, self._resting = [], []


def _refuse_strategy(trainer: L.Trainer) -> None:
    strategy = trainer.strategy
    if trainer.world_size == 1:
        return
    if isinstance(strategy, DDPStrategy) and strategy._ddp_kwargs.get("find_unused_parameters"):  # noqa: SLF001
        return
    msg = (
        "several processes must expect that parameters are frozen in the middle of a fit, "
        f'`Trainer(strategy="ddp_find_unused_parameters_true")`, got {type(strategy).__name__} without it.'
    )
    raise ValueError(msg)


def _refuse_weighting(weighting: Weighting, pl_module: L.LightningModule) -> None:
    if not isinstance(pl_module, ClassState):
        msg = (
            "the module must be a WeightedClassifier for its class weights to be set, got "
            f"{type(pl_module).__name__}. Balance its batches from the start epoch on, and pass `weighting=None`."
        )
        raise TypeError(msg)
    check_weighting(weighting, pl_module.num_classes, None, pl_module.task)
    loss: Any = getattr(pl_module, "_loss", None)
    if isinstance(loss, UnreducedLoss) and pl_module.weighting == "uniform":
        msg = (
            "the loss must take class weights, got one that a module with `weighting='uniform'` calls without. Use "
            "a loss of this package, or balance the batches and pass `weighting=None`."
        )
        raise ValueError(msg)
