"""Classifier re-training: features from the data as they are, a last layer for classes of equal weight."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities import rank_zero_info
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_imbalance.callbacks.heads import find_head
from lightning_imbalance.class_state import ClassState
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.weighting import Weighting, check_weighting, class_weights


class ClassifierRetraining(L.Callback):
    """Freezes the network at an epoch, and trains a new last layer for classes of equal weight (cRT).

    Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition", classifier re-training:
    features learned from the data as they are serve rare classes too, and only the classifier is biased. At the start
    epoch every parameter outside of the last layer is frozen, the last layer is drawn anew, and what its optimizer
    remembers of it is forgotten. The paper draws class-balanced batches; here the class weights become ``weighting``,
    whose mean over all samples is the same. With a balanced sampler of your own, which the Trainer can switch to with
    ``reload_dataloaders_every_n_epochs``, pass ``weighting=None``, or it corrects twice.

    The learning rate is that of the optimizer and its schedule. A new layer needs one that is not at its end: let the
    schedule restart at the start epoch.

    A fit that is resumed after the start goes on with the frozen network. When the fit ends, parameters require
    gradients again as they did before.

    Args:
        start_epoch: The epoch, counted from 0, from which on only the last layer is trained.
        fraction: The same as a share of ``max_epochs``, from 0 to below 1. One of both is given.
        head: Path of the last layer, such as ``"model.fc"``; by default the last ``torch.nn.Linear``.
        weighting: Class weights from then on, as :func:`~lightning_imbalance.class_weights` takes them; ``None`` leaves
            them.
        update_bn: Let the statistics of batch normalization move with the batches, as they do in the authors' code,
            where the frozen network is in training mode. By default they are frozen too.

    Attributes:
        started: Whether the network is frozen.

    Raises:
        TypeError: The module has no class weights, and ``weighting`` is not ``None``.
        ValueError: None or both of ``start_epoch`` and ``fraction`` are given, there is no such epoch or layer, or the
            strategy cannot train a part of the parameters.

    Example:
        >>> import torch, lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance import WeightedClassifier
        >>> data = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> model = WeightedClassifier(network, weighting="uniform")
        >>> trainer = L.Trainer(max_epochs=3, callbacks=[ClassifierRetraining(start_epoch=2)], logger=False,
        ...                     enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        ...                     accelerator="cpu")
        >>> trainer.fit(model, DataLoader(data, batch_size=20, shuffle=True))
        >>> model.class_weights  # from epoch 2 on
        tensor([0.6000, 3.0000])
    """

    def __init__(
        self,
        start_epoch: int | None = None,
        *,
        fraction: float | None = None,
        head: str | None = None,
        weighting: Weighting | None = "balanced",
        update_bn: bool = False,
    ) -> None:
        if (start_epoch is None) == (fraction is None):
            msg = (
                "one of `start_epoch` and `fraction` must be given, got "
                f"start_epoch={start_epoch!r} and fraction={fraction!r}."
            )
            raise ValueError(msg)
        if start_epoch is not None and start_epoch < 0:
            msg = f"`start_epoch` must be at least 0, got {start_epoch}."
            raise ValueError(msg)
        if fraction is not None and not 0 <= fraction < 1:
            msg = f"`fraction` must be from 0 to below 1, got {fraction}."
            raise ValueError(msg)
        self.start_epoch = start_epoch
        self.fraction = fraction
        self.head = head
        self.weighting = weighting
        self.update_bn = update_bn
        self.started = False
        self._start = 0
        self._frozen: list[nn.Parameter] = []
        self._resting: list[nn.Module] = []

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
        name, head = find_head(pl_module, self.head)
        if not any(_can_reset(layer) for layer in head.modules()):
            msg = (
                f"`head` must have `reset_parameters`, as torch.nn.Linear does, got {type(head).__name__} for {name!r}."
            )
            raise ValueError(msg)
        if self.weighting is not None:
            _refuse_weighting(self.weighting, pl_module)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Freeze the network again, where a fit is resumed after the start."""
        _, head = find_head(pl_module, self.head)
        optimized = {p for optimizer in trainer.optimizers for group in optimizer.param_groups for p in group["params"]}
        if trainer.optimizers and not optimized.intersection(head.parameters()):
            msg = (
                "the optimizer must have the parameters of the last layer from the beginning, got an optimizer without "
                "them. Give it `self.parameters()`."
            )
            raise ValueError(msg)
        if self.started:
            self._freeze(pl_module, head)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Freeze the network and draw a new last layer, when it is time."""
        if self.started or trainer.current_epoch < self._start:
            return
        self.started = True
        name, head = find_head(pl_module, self.head)
        self._freeze(pl_module, head)
        for layer in head.modules():
            if _can_reset(layer):
                layer.reset_parameters()  # type: ignore[operator]  # a method, see _can_reset
        # Every process has drawn other numbers, and DDP compares parameters only once, when it starts.
        drawn = {key: value.cpu() for key, value in head.state_dict().items()}
        head.load_state_dict(trainer.strategy.broadcast(drawn))
        for optimizer in trainer.optimizers:
            for parameter in head.parameters():
                optimizer.state.pop(parameter, None)
        rank_zero_info(
            f"ClassifierRetraining: from epoch {trainer.current_epoch} on only {name!r} is trained, from new weights."
        )

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
        if self.fraction is not None:
            if endless:
                msg = f"`max_epochs` must be given for `fraction`, got {max_epochs}. Or pass `start_epoch`."
                raise ValueError(msg)
            epochs = max_epochs or 0
            return min(round(self.fraction * epochs), epochs - 1)
        start = self.start_epoch or 0
        if not endless and start >= (max_epochs or 0):
            msg = f"`start_epoch` must be below `max_epochs`, or it never comes, got {start} of {max_epochs}."
            raise ValueError(msg)
        return start

    def _freeze(self, pl_module: L.LightningModule, head: nn.Module) -> None:
        own, layers = set(head.parameters()), set(head.modules())
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


def _can_reset(layer: nn.Module) -> bool:
    return callable(getattr(layer, "reset_parameters", None))


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
