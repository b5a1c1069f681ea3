"""A progress bar for work that turns out to take long."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sized

    from rich.progress import Progress

T = TypeVar("T", bound="Sized")

PATIENCE = 1.0


def report(
    chunks: Iterable[T], *, description: str, total: int | None, advice: str, clock: Callable[[], float] = monotonic
) -> Iterator[T]:
    """Pass chunks on; after a second of work, show a bar on stderr and warn once how to avoid the work.

    Args:
        chunks: What is worked off; the length of a chunk is its share of the work.
        description: The words beside the bar.
        total: The whole work, or None where it is unknown.
        advice: The text of the :class:`UserWarning`.
        clock: Gives the time in seconds.

    Yields:
        The chunks.

    Example:
        >>> list(report(["ab", "c"], description="reading", total=3, advice="read less"))
        ['ab', 'c']
    """
    started, done = clock(), 0
    bar: Progress | None = None
    try:
        for chunk in chunks:
            done += len(chunk)
            if bar is None and clock() - started >= PATIENCE:
                warnings.warn(advice, UserWarning, stacklevel=2)
                bar = _started(description, total)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=done)
            yield chunk
    finally:
        if bar is not None:
            bar.stop()


def _started(description: str, total: int | None) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    bar.add_task(description, total=total)
    bar.start()
    return bar
