"""How far a comparison is: a bar in a terminal, a line a run elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from typing_extensions import Self

from lightning_imbalance.comparison.run_folders import Finished

if TYPE_CHECKING:
    from rich.console import Console


class ComparisonProgress:
    """Says which runs are done, which remedy is ahead on validation data, and how long it will take.

    The figures of the test part are not shown before the end: who sees them early may stop when they please.

    Args:
        total: Runs that train.
        metric: The figure that is shown.
        console: Where to; by default the standard error stream.
        quiet: Show nothing.
        clock: Gives the seconds.

    Example:
        >>> with ComparisonProgress(12, "balanced_accuracy") as progress:
        ...     progress.done
        0
    """

    def __init__(
        self,
        total: int,
        metric: str,
        console: Console | None = None,
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.done = 0
        self._total = total
        self._metric = metric
        self._clock = clock
        self._began = clock()
        self._scores: dict[str, list[float]] = {}
        self._lines = not quiet
        self._console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs{task.fields[figure]}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("comparing", total=total, figure="")

    def __enter__(self) -> Self:
        # A bar that is disabled, started and stopped, is an empty line for older versions of rich.
        if not self._bar.disable:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._bar.disable:
            self._bar.stop()

    def begin(self, name: str) -> None:
        """Say what is running."""
        self._bar.update(self._task, description=name)

    def finish(self, name: str, seed: int, finished: Finished) -> None:
        """Count a run."""
        self.done += 1
        self._scores.setdefault(name, []).append(finished.validation)
        left = (self._clock() - self._began) / self.done * (self._total - self.done)
        means = {remedy: sum(scores) / len(scores) for remedy, scores in self._scores.items()}
        ahead = max(means, key=means.__getitem__)
        words = self._metric.replace("_", " ").replace("f1", "F1")
        figure = f", about {_duration(left)} left, ahead on validation data: {ahead} ({words} {means[ahead]:.3f})"
        self._bar.update(self._task, advance=1, figure=figure)
        if self._lines and not self._console.is_terminal:
            line = f"{self.done} of {self._total} runs: {name}, seed {seed}, {finished.seconds:.0f} s{figure}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes} min"  # below, a minute says too little
