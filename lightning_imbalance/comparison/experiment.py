"""All that the runs of a comparison have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lightning_imbalance.comparison.remedies import Remedy
from lightning_imbalance.comparison.source import FixedParts, digest
from lightning_imbalance.labels import unpack_batch
from lightning_imbalance.quiet import quiet
from lightning_imbalance.small_networks import small_network

_SMALL_SAMPLE = 3 * 32 * 32


@dataclass(frozen=True)
class Experiment:
    """Data, network and training, the same for every remedy.

    Args:
        parts: Training, validation and test part.
        remedies: What is compared, the baseline first.
        model: Makes a network for a number of classes; ``None`` for a small one.
        optimizer: Builds the optimizer from the parameters.
        lr_scheduler: Builds the scheduler from the optimizer.
        max_epochs: Epochs of each run.
        metric: Figure that chooses the epoch, on validation data, and the remedy, on test data.
        trainer: Further arguments of the Trainer.

    Example:
        >>> import lightning as L
        >>> from torch.utils.data import TensorDataset
        >>> from lightning_imbalance.comparison.remedies import resolve
        >>> data = TensorDataset(torch.randn(40, 2), torch.tensor([0, 1] * 20))
        >>> parts = FixedParts(L.LightningDataModule.from_datasets(data, data, data))
        >>> remedies = resolve(["none", "weighted"], "none")
        >>> Experiment(parts, remedies, None, torch.optim.AdamW, None, 5, "macro_f1").describe()["max_epochs"]
        '5'
    """

    parts: FixedParts
    remedies: tuple[Remedy, ...]
    model: Callable[[int], nn.Module] | None
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer]
    lr_scheduler: Callable[[Optimizer], LRScheduler | ReduceLROnPlateau] | None
    max_epochs: int
    metric: str
    trainer: Mapping[str, Any] = field(default_factory=dict)

    def remedy(self, name: str) -> Remedy:
        """Return the remedy of a name."""
        return next(remedy for remedy in self.remedies if remedy.name == name)

    def network(self) -> nn.Module:
        """Return a new network, drawn from torch's generator."""
        classes = self.parts.distribution.num_classes
        network = small_network(self._shape, classes) if self.model is None else self.model(classes)
        if not isinstance(network, nn.Module):
            msg = (
                "`model` must be a function from the number of classes to a network, got one that returns "
                f"{type(network).__name__}."
            )
            raise TypeError(msg)
        return network

    @property
    def is_small(self) -> bool:
        """Whether a step is done before the threads of torch have met: the small network, on small samples."""
        return self.model is None and self._sample.numel() <= _SMALL_SAMPLE

    def describe(self) -> dict[str, str]:
        """Return what makes figures comparable, in words: runs of another experiment have others."""
        with isolate_rng():
            torch.manual_seed(0)
            network = self.network()
            optimizer = self.optimizer(network.parameters())
            scheduler = None if self.lr_scheduler is None else self.lr_scheduler(optimizer)
            defaults = {name: value for name, value in optimizer.defaults.items() if value is not None}
            sample = self._sample
        return {
            **self.parts.describe(),
            "shape of a sample": repr(tuple(sample.shape)),
            "network": f"{type(network).__name__} {digest(repr(network))}",
            "optimizer": f"{type(optimizer).__name__}({', '.join(f'{k}={v!r}' for k, v in defaults.items())})",
            "lr_scheduler": repr(None) if scheduler is None else type(scheduler).__name__,
            "max_epochs": repr(self.max_epochs),
            "metric": repr(self.metric),
            "trainer": repr(dict(sorted(self.trainer.items()))),
        }

    @cached_property
    def _sample(self) -> Tensor:
        # A loader draws a number when it begins, and the first network would be another one than after it.
        with quiet(), isolate_rng():
            inputs, _ = unpack_batch(next(iter(self.parts.test_dataloader())))
        first = inputs[0] if isinstance(inputs, Tensor) else None
        if first is None and self.model is None:
            msg = (
                f"`model` must be given where inputs are no tensors, got batches of {type(inputs).__name__}: pass a "
                "function from the number of classes to a network."
            )
            raise TypeError(msg)
        return torch.empty(0) if first is None else first

    @property
    def _shape(self) -> tuple[int, ...]:
        return tuple(self._sample.shape)
