"""The class distribution of what a Trainer is about to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
from torch.utils.data import DataLoader

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels.batch import described


def from_trainer(
    trainer: L.Trainer,
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
    task: Task = "multiclass",
    ignore_index: int | None = None,
) -> ClassDistribution:
    """Count the training labels of the datamodule or dataloader that was given to ``fit``.

    Works from ``setup("fit")`` on, when a datamodule is set up and no dataloader has been asked for yet.

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
    if source.is_module():
        return ClassDistribution.from_datamodule(source.instance, num_classes, class_names, task, ignore_index)
    _refuse_several(source.instance)
    return ClassDistribution.from_dataloader(source.instance, num_classes, class_names, task, ignore_index)


def _refuse_several(loader: Any) -> None:
    loaders = getattr(loader, "iterables", loader)  # a CombinedLoader's
    listed = isinstance(loaders, (list, tuple)) and any(isinstance(part, DataLoader) for part in loaders)
    if listed or isinstance(loaders, Mapping):
        msg = (
            f"`train_dataloaders` must be one DataLoader, got {described(loaders)}. Override `class_distribution()` to "
            "say which data to count, or give one loader."
        )
        raise TypeError(msg)
