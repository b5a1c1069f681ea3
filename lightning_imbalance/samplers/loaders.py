"""The same dataloader with another sampler."""

from __future__ import annotations

import inspect
from typing import Any

from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
)

from lightning_imbalance.labels.loaders import subset_of
from lightning_imbalance.samplers.m_per_class import MPerClassSampler

_REPLACEABLE = (RandomSampler, SequentialSampler, SubsetRandomSampler, DistributedSampler)


def drawn_from(loader: DataLoader[Any]) -> Any:
    """Return the data set that a loader's sampler draws from, a subset where the sampler is limited to one.

    Args:
        loader: A dataloader.

    Returns:
        The data set.

    Raises:
        TypeError: It is iterable, and has no indices to draw.
        ValueError: The loader makes its batches by a rule of its own, or has a sampler that would be lost.

    Example:
        >>> drawn_from(DataLoader([5, 6], shuffle=True))
        [5, 6]
    """
    if isinstance(loader.dataset, IterableDataset):
        msg = (
            "`train_dataloader()` must return a loader of a data set with indices for a sampler, got one of "
            f"{type(loader.dataset).__name__}, an IterableDataset. Wrap the data set in `IterableBalancer` instead."
        )
        raise TypeError(msg)
    batches = loader.batch_sampler
    # torchdata's stateful loader has a class of the same name, which differs in what a checkpoint holds.
    if batches is not None and type(batches).__name__ != BatchSampler.__name__:
        msg = (
            "`train_dataloader()` must return a loader with `batch_size` for another sampler, "
            f"got `batch_sampler={type(batches).__name__}`."
        )
        raise ValueError(msg)
    sampler: Any = loader.sampler
    if not isinstance(sampler, _REPLACEABLE) and type(sampler).__name__ != RandomSampler.__name__:
        msg = (
            "`train_dataloader()` must return a loader that has no sampler of its own, which would be lost, "
            f"got {type(sampler).__name__}. Leave it out, or do without RebalancedDataModule."
        )
        raise ValueError(msg)
    indices = subset_of(loader)
    return loader.dataset if indices is None else Subset(loader.dataset, indices.tolist())


def with_sampler(loader: DataLoader[Any], dataset: Any, sampler: Sampler[Any]) -> DataLoader[Any]:
    """Return a dataloader of the same class and settings with another sampler.

    Args:
        loader: The dataloader; also of a subclass that keeps its arguments in attributes of the same name.
        dataset: What :func:`drawn_from` gives for it.
        sampler: The sampler; one that draws batches takes the place of ``batch_size`` and ``drop_last`` too.

    Returns:
        A new dataloader.

    Raises:
        TypeError: The class of the loader needs an argument that it does not keep.

    Example:
        >>> loader = with_sampler(DataLoader([5, 6], batch_size=2, drop_last=True), [5, 6], SequentialSampler([5, 6]))
        >>> loader.batch_size, loader.drop_last
        (2, True)
    """
    cls = type(loader)
    parameters = dict(inspect.signature(cls.__init__).parameters)
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        parameters = {**inspect.signature(DataLoader.__init__).parameters, **parameters}
    by_batch = isinstance(sampler, MPerClassSampler)
    given = {"dataset": dataset, "batch_sampler" if by_batch else "sampler": sampler}
    ours = {"self", "shuffle", "sampler", "batch_sampler", *given, *(("batch_size", "drop_last") if by_batch else ())}
    for name, parameter in parameters.items():
        if name in ours or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        if hasattr(loader, name):
            given[name] = getattr(loader, name)
        elif parameter.default is parameter.empty:
            msg = (
                f"{cls.__name__} must keep its argument `{name}` in an attribute of that name for its sampler to be "
                "replaced, got none. Set it in `__init__`, or give the sampler to the loader by hand."
            )
            raise TypeError(msg)
    return cls(**given)
