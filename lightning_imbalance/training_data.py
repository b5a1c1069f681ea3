"""The class distribution of what a Trainer is about to train on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn
from torch.utils.data import DataLoader

from lightning_imbalance.counting import Counts, Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.gathering import gathered
from lightning_imbalance.labels import names_of, stream, training_loader
from lightning_imbalance.labels.batch import described
from lightning_imbalance.samplers.iterable_balancer import IterableBalancer


def from_trainer(
    trainer: L.Trainer,
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
    task: Task = "multiclass",
    ignore_index: int | None = None,
) -> ClassDistribution:
    """Count the training labels of the datamodule or dataloader that was given to ``fit``.

    Works from ``setup("fit")`` on, when a datamodule is set up and no dataloader has been asked for yet. Several
    processes share a scan of samples that has to be: it is a collective then, called by each of them. Of a stream that
    :class:`~lightning_imbalance.samplers.IterableBalancer` balances, the distribution is what was given to that.

    Args:
        trainer: The Trainer that runs ``fit``.
        num_classes: As in :meth:`ClassDistribution.from_dataset`, like the other arguments.
        class_names: One name a class.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        ignore_index: Labels of this value are left out.

    Returns:
        The distribution.

    Raises:
        TypeError: The data have no class labels, or there are several dataloaders.
        ValueError: The Trainer has no training data, or the labels do not fit.

    Example:
        >>> from_trainer(L.Trainer(logger=False))  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        ValueError: the Trainer must have training data ...
    """
    # The one way to what was given to fit() before it is attached: trainer.train_dataloader is None until then, and
    # trainer.datamodule stays that of an earlier fit.
    source = trainer.fit_loop._data_source  # noqa: SLF001
    if source.instance is None or (isinstance(source.instance, L.LightningModule) and not source.is_defined()):
        msg = (
            "the Trainer must have training data to count, got neither a datamodule nor a dataloader. Call "
            "`trainer.fit(model, datamodule=...)`, or override `class_distribution()`."
        )
        raise ValueError(msg)
    if not source.is_module():
        _refuse_several(source.instance)
    loader = training_loader(source.instance) if source.is_module() else source.instance
    dataset: Any = getattr(loader, "dataset", None)
    if isinstance(dataset, IterableBalancer):
        # What comes out of it is not what the data are; and passing over a stream to count it may take hours.
        return dataset.distribution
    share = (trainer.global_rank, trainer.world_size) if trainer.world_size > 1 else None
    labels = names_of(source.instance, stream(loader, share=share))
    return ClassDistribution.from_stream(labels, num_classes, class_names, task, ignore_index, add_shares)


def add_shares(counts: Counts) -> Counts:
    """Add up what all processes have counted; a collective, called by each of them.

    Args:
        counts: What this process has counted of its share of the samples.

    Returns:
        The counts of all.
    """
    total, *others = gathered(counts)
    for other in others:
        total += other
    return total


def agreed(distribution: ClassDistribution, trainer: L.Trainer) -> ClassDistribution:
    """Return rank 0's distribution on every process; a collective, called by each of them.

    Each process counts for itself, and may have another split: that of an unseeded ``random_split``, for one. One
    warning then shows what two of them counted.

    Args:
        distribution: What this process has counted.
        trainer: The Trainer.

    Returns:
        The distribution of rank 0.

    Example:
        >>> agreed(ClassDistribution([2, 1]), L.Trainer(logger=False))
        ClassDistribution([2, 1])
    """
    if trainer.world_size == 1:
        return distribution
    plain = distribution.to_dict()
    digests = gathered(hashlib.sha256(json.dumps(plain).encode()).digest())
    if len(set(digests)) == 1:
        return distribution
    everyone = [ClassDistribution.from_dict(each) for each in gathered(plain)]
    first = everyone[0]
    rank = next(rank for rank, each in enumerate(everyone) if each != first)
    rank_zero_warn(
        f"every process must count the same training data, got {first.summary()} on rank 0 and "
        f"{everyone[rank].summary()} on rank {rank}. Rank 0's are taken. Split with a seed, for example "
        "`random_split(..., generator=torch.Generator().manual_seed(0))`, or processes train on each other's "
        "validation samples."
    )
    return first


def _refuse_several(loader: Any) -> None:
    loaders = getattr(loader, "iterables", loader)  # a CombinedLoader's
    listed = isinstance(loaders, (list, tuple)) and any(isinstance(part, DataLoader) for part in loaders)
    if listed or isinstance(loaders, Mapping):
        msg = (
            f"`train_dataloaders` must be one DataLoader, got {described(loaders)}. Override `class_distribution()` to "
            "say which data to count, or give one loader."
        )
        raise TypeError(msg)
