"""One line of progress for a whole training run."""

from __future__ import annotations

import time

import lightning as L
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class RunProgress(L.Callback):
    """Shows epochs, balanced accuracy and time left of one run.

    Args:
        console: Where to draw; nothing moves where it is no terminal.
        name: What the run is called.

    Example:
        >>> from rich.console import Console
        >>> RunProgress(Console(), "weighted").seconds
        0.0
    """

    def __init__(self, console: Console, name: str) -> None:
        self.seconds = 0.0
        self._started = 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs"),
            TextColumn("{task.fields[figure]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(name, total=None, figure="")

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin the line."""
        del pl_module
        self._started = time.perf_counter()
        self._progress.update(self._task, total=trainer.max_epochs)
        self._progress.start()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Move the line on by an epoch."""
        del pl_module
        value = trainer.callback_metrics.get("val_balanced_accuracy")
        figure = "" if value is None else f"balanced accuracy {float(value):.3f}"
        self._progress.update(self._task, advance=1, figure=figure)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End the line."""
        del trainer, pl_module
        self._stop()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """End the line, so that the message stands below it."""
        del trainer, pl_module, exception
        self._stop()

    def _stop(self) -> None:
        self.seconds = time.perf_counter() - self._started
        self._progress.stop()
