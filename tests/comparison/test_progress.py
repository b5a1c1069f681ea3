"""How far a comparison is, in a terminal and in a file."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from lightning_imbalance.comparison.progress import ComparisonProgress


def finished(validation: float) -> Any:
    return SimpleNamespace(validation=validation, seconds=4.0)


def shown(*, terminal: bool, quiet: bool = False) -> str:
    times = iter([0.0, 100.0, 300.0])
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)
    with ComparisonProgress(4, "balanced_accuracy", console, quiet=quiet, clock=lambda: next(times)) as progress:
        progress.begin("none, seed 0")
        progress.finish("none", 0, finished(0.5))
        progress.finish("weighted", 0, finished(0.75))
    written: io.StringIO = console.file  # type: ignore[assignment]  # as given above
    return written.getvalue()


def test_without_a_terminal_each_run_is_a_line() -> None:
    assert shown(terminal=False).splitlines() == [
        "1 of 4 runs: none, seed 0, 4 s, about 5 min left, ahead on validation data: none (balanced accuracy 0.500)",
        "2 of 4 runs: weighted, seed 0, 4 s, about 5 min left, ahead on validation data: weighted (balanced accuracy 0.750)",
    ]


def test_in_a_terminal_a_bar_says_the_same() -> None:
    text = shown(terminal=True)

    assert "2/4 runs, about 5 min left, ahead on validation data: weighted (balanced accuracy 0.750)" in text


def test_quiet_says_nothing() -> None:
    assert shown(terminal=False, quiet=True) == ""
    assert shown(terminal=True, quiet=True) == ""


def test_below_two_minutes_the_time_left_is_in_seconds() -> None:
    console = Console(file=io.StringIO(), width=200)
    times = iter([0.0, 10.0])
    progress = ComparisonProgress(2, "macro_f1", console, clock=lambda: next(times))
    progress.finish("none", 3, finished(0.5))

    assert console.file.getvalue() == (  # type: ignore[attr-defined]  # a StringIO
        "1 of 2 runs: none, seed 3, 4 s, about 10 s left, ahead on validation data: none (macro F1 0.500)\n"
    )
