"""Which samples of a batch are this process's own, and which only fill the ranks up to equal length.

``DistributedSampler`` repeats samples until every process has as many: 21 samples on two processes become 22. Counted
twice, one sample of a class of five moves its recall.
"""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.fabric.utilities.distributed import DistributedSamplerWrapper
from torch.utils.data import BatchSampler, DistributedSampler

# These put the repeats last, and give process r of R every R-th position from r on. A subclass that iterates in a way
# of its own may not, and is believed to repeat nothing.
_REPEAT_LAST = (DistributedSampler.__iter__, DistributedSamplerWrapper.__iter__)


def own_samples(trainer: L.Trainer, batch_idx: int, dataloader_idx: int = 0) -> tuple[int, int] | None:
    """Say how many samples at the head of a batch are to be counted, now that the Trainer works on it.

    Args:
        trainer: The Trainer, inside a step or its hooks.
        batch_idx: Index of the batch on this process.
        dataloader_idx: Index of the dataloader.

    Returns:
        How many samples count, and how many the batch holds; ``None`` where all count, or nothing is known: one
        process, a sampler or batch sampler of the user's own, an iterable dataset, batches of no fixed size.
    """
    if trainer.world_size == 1:
        return None
    loaders = loaders_at_work(trainer)
    if dataloader_idx >= len(loaders) or (trainer.training and len(loaders) > 1):
        return None
    loader = loaders[dataloader_idx]
    sampler = _sampler(loader)
    size = getattr(loader, "batch_size", None) or getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
    if sampler is None or size is None:
        return None
    return own_part(sampler, batch_idx, size)


def own_part(sampler: DistributedSampler[Any], batch_idx: int, batch_size: int) -> tuple[int, int] | None:
    """Say how many samples at the head of a batch are no repeats.

    Args:
        sampler: One that fills the processes up to equal length.
        batch_idx: Index of the batch on this process.
        batch_size: Samples in a full batch.

    Returns:
        How many count, and how many the batch holds; ``None`` where all count.

    Example:
        >>> sampler = DistributedSampler(range(21), num_replicas=2, rank=1, shuffle=False)
        >>> len(sampler), own_part(sampler, batch_idx=1, batch_size=8)
        (11, (2, 3))
    """
    total = len(sampler)
    own = len(range(sampler.rank, len(sampler.dataset), sampler.num_replicas))  # type: ignore[arg-type]
    first = batch_idx * batch_size
    held = min(batch_size, total - first)
    counted = max(0, min(held, own - first))
    return None if counted >= held else (counted, held)


def own_entries(values: int, part: tuple[int, int] | None) -> int:
    """Say how many entries at the head of a tensor belong to the samples that count.

    Args:
        values: Length of the tensor: as many as the batch has samples, or the same number for each (pixels, tokens).
        part: What :func:`own_samples` says.

    Returns:
        How many to keep; all where the length fits no number of samples.

    Example:
        >>> own_entries(3, (2, 3)), own_entries(12, (2, 3)), own_entries(12, None)
        (2, 8, 12)
    """
    if part is None:
        return values
    counted, held = part
    return values * counted // held if values % held == 0 else values


def loaders_at_work(trainer: L.Trainer) -> list[Any]:
    """Return the dataloaders of what the Trainer is doing: those of the training, validation or test that runs.

    Args:
        trainer: The Trainer, inside a step or its hooks.

    Returns:
        The dataloaders; inside a fit's validation those of the validation.
    """
    if trainer.testing:
        loop: Any = trainer.test_loop
    elif trainer.training:
        loop = trainer.fit_loop
    else:
        # Not trainer.val_dataloaders, which stays that of an earlier fit.
        loop = trainer.validate_loop if trainer.state.fn == "validate" else trainer.fit_loop.epoch_loop.val_loop
    loaders: list[Any] = loop._combined_loader.flattened  # noqa: SLF001
    return loaders


def _sampler(loader: Any) -> DistributedSampler[Any] | None:
    batches = getattr(loader, "batch_sampler", None)
    # Batches that somebody else makes may be in another order than their sampler's.
    if type(batches) is not BatchSampler or not getattr(loader, "in_order", True):
        return None
    for sampler in (getattr(loader, "sampler", None), batches.sampler):
        if isinstance(sampler, DistributedSampler) and type(sampler).__iter__ in _REPEAT_LAST:
            return sampler
    return None
