"""The training dataloader of a datamodule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_imbalance.labels.batch import described
from lightning_imbalance.labels.names import as_names
from lightning_imbalance.labels.value import Stream

_HOOK = "DataHooks.train_dataloader"  # Lightning's own, which only says that it was not overridden


def training_loader(datamodule: Any, *, setup: bool | None = None) -> Any:
    """Ask a datamodule for its training dataloader.

    Args:
        datamodule: Any object with a method ``train_dataloader()``; a LightningDataModule as a rule.
        setup: Whether to call ``prepare_data()`` and ``setup("fit")`` first; by default only if no Trainer is
            attached, because a Trainer does that itself.

    Returns:
        The one dataloader that ``train_dataloader()`` returns.

    Raises:
        TypeError: There is no ``train_dataloader()``, or it does not return one dataloader.

    Example:
        >>> import torch
        >>> from lightning import LightningDataModule
        >>> from torch.utils.data import TensorDataset
        >>> dataset = TensorDataset(torch.zeros(2, 1), torch.tensor([0, 1]))
        >>> len(training_loader(LightningDataModule.from_datasets(dataset)).dataset)
        2
    """
    name = type(datamodule).__name__
    method = getattr(datamodule, "train_dataloader", None)
    if not callable(method) or getattr(method, "__qualname__", "") == _HOOK:
        msg = f"`datamodule` must have a method `train_dataloader()`, got {name} without one."
        raise TypeError(msg)
    if setup if setup is not None else not _has_trainer(datamodule):
        for hook, arguments in (("prepare_data", ()), ("setup", ("fit",))):
            if callable(function := getattr(datamodule, hook, None)):
                function(*arguments)
    loader = method() if setup is not None else _asked(datamodule, method)
    if not hasattr(loader, "dataset"):
        got = "None" if loader is None else described(getattr(loader, "iterables", loader))
        several = isinstance(getattr(loader, "iterables", loader), (Mapping, list, tuple))
        hint = " Override `class_distribution()` to say which data to count, or give one loader." if several else ""
        msg = f"`{name}.train_dataloader()` must return one DataLoader, got {got}.{hint}"
        raise TypeError(msg)
    return loader


def names_of(datamodule: Any, stream: Stream) -> Stream:
    """Give labels whose data name no classes the names that the datamodule has.

    Args:
        datamodule: Whose data they are; its attribute ``class_names`` counts where it is a list of names.
        stream: The labels.

    Returns:
        The same labels.

    Example:
        >>> class Flowers:
        ...     class_names = ["rose", "tulip"]
        >>> names_of(Flowers(), Stream(None, iter([]))).class_names
        ('rose', 'tulip')
    """
    if stream.class_names is not None:
        return stream
    return stream._replace(class_names=as_names(getattr(datamodule, "class_names", None)))


def _asked(datamodule: Any, method: Any) -> Any:
    try:
        return method()
    except AttributeError:
        # A Trainer that has only validated has set up no training data.
        if not _has_trainer(datamodule) or not callable(getattr(datamodule, "setup", None)):
            raise
        datamodule.setup("fit")
        return method()


def _has_trainer(datamodule: Any) -> bool:
    try:
        return getattr(datamodule, "trainer", None) is not None
    except RuntimeError:  # a LightningModule without a Trainer raises
        return False
