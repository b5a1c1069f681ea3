"""Classifier re-training: features from the data as they are, a last layer for classes of equal weight."""

from __future__ import annotations

from collections.abc import Iterable

import lightning as L
from lightning.pytorch.utilities import rank_zero_info
from torch import nn

from lightning_imbalance.callbacks.second_stage import SecondStage


class ClassifierRetraining(SecondStage):
    """Freezes the network at an epoch, and trains a new last layer for classes of equal weight (cRT).

    Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition", classifier re-training:
    features learned from the data as they are serve rare classes too, and only the classifier is biased. At the start
    epoch every parameter outside of the last layer is frozen, the last layer is drawn anew, and what its optimizer
    remembers of it is forgotten. The paper draws class-balanced batches; here the class weights become ``weighting``,
    whose mean over all samples is the same. To draw as the paper does, pass ``weighting=None`` and a datamodule whose
    sampler changes in the same epoch: ``RebalancedDataModule(dm, "deferred")`` with ``start=0.8``, or
    ``partial(ProgressivelyBalancedSampler, start=160, end=160)`` with ``start_epoch=160``.

    The learning rate is that of the optimizer and its schedule. A new layer needs one that is not at its end: let the
    schedule restart at the start epoch.

    A fit that is resumed after the start goes on with the frozen network. When the fit ends, parameters require
    gradients again as they did before.

    Args:
        start_epoch: The epoch, counted from 0, from which on only the last layer is trained.
        start: The same as a share of ``max_epochs``, from 0 to below 1. One of both is given.
        head: Path of the last layer, such as ``"model.fc"``; by default the last ``torch.nn.Linear``.
        weighting: Class weights from then on, as :func:`~lightning_imbalance.class_weights` takes them; ``None`` leaves
            them.
        update_bn: Let the statistics of batch normalization move with the batches, as they do in the authors' code,
            where the frozen network is in training mode. By default they are frozen too.

    Attributes:
        started: Whether the network is frozen.

    Raises:
        TypeError: The module has no class weights, and ``weighting`` is not ``None``.
        ValueError: None or both of ``start_epoch`` and ``start`` are given, there is no such epoch or layer, or the
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

    part = "the parameters of the last layer"

    def check(self, name: str, head: nn.Module, pl_module: L.LightningModule) -> None:
        """Refuse a last layer that cannot be drawn anew."""
        del pl_module
        if not any(_can_reset(layer) for layer in head.modules()):
            msg = (
                f"`head` must have `reset_parameters`, as torch.nn.Linear does, got {type(head).__name__} for {name!r}."
            )
            raise ValueError(msg)

    def trained(self, head: nn.Module) -> Iterable[nn.Parameter]:
        """Return all parameters of the last layer."""
        return head.parameters()

    def begin(self, trainer: L.Trainer, name: str, head: nn.Module) -> None:
        """Draw a new last layer, and let the optimizer forget the old one."""
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


def _can_reset(layer: nn.Module) -> bool:
    return callable(getattr(layer, "reset_parameters", None))
