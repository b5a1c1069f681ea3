"""The pictures of an evaluation, when they are due."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_imbalance import plots
from lightning_imbalance.callbacks.logger_pictures import send_picture, takes_pictures
from lightning_imbalance.class_report import ClassReport
from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.drawing import require_matplotlib
from lightning_imbalance.parameters import whole

_MATRIX_UP_TO = 2000
"""Classes; their matrix takes 32 MB."""


def check_plot(plot: bool | int) -> int:  # noqa: FBT001  # an argument of the monitor, passed on
    """Return every how many epochs pictures are due, 0 for never.

    Args:
        plot: ``True``, ``False``, or a number of epochs.

    Returns:
        The number of epochs.

    Raises:
        ModuleNotFoundError: Pictures are asked for and matplotlib is not installed.
        ValueError: The number is below 1.

    Example:
        >>> check_plot(True), check_plot(5), check_plot(False)
        (1, 5, 0)
    """
    if plot is False:
        return 0
    every = 1 if plot is True else whole("plot", plot, least=1)
    require_matplotlib("ImbalanceMonitor(plot=...)")
    return every


class EvaluationPictures:
    """Draws recall and confusion matrix at the end of evaluations and gives them to the loggers.

    Args:
        every: Number of epochs from one picture to the next; 0 for none.

    Example:
        >>> EvaluationPictures(every=1).need_matrix("val", 10, "multiclass")
        True
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._said: set[str] = set()

    def need_matrix(self, stage: str, num_classes: int, task: Task) -> bool:
        """Say whether the C × C matrix of an evaluation will be drawn.

        Args:
            stage: ``"train"``, ``"val"`` or ``"test"``.
            num_classes: Number of classes C.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``, which has no classes to be taken for each other.

        Returns:
            Whether to count it.
        """
        return self.every > 0 and stage != "train" and task != "multilabel" and num_classes <= _MATRIX_UP_TO

    def send(self, trainer: L.Trainer, stage: str, suffix: str, report: ClassReport, matrix: Tensor | None) -> None:
        """Draw and log, on the first process and where pictures are due.

        Args:
            trainer: The Trainer, at the end of an evaluation.
            stage: ``"val"`` or ``"test"``.
            suffix: ``"/dataloader_idx_<i>"`` with several dataloaders.
            report: The figures.
            matrix: The confusion matrix, where it was counted.
        """
        due = self.every and (trainer.state.fn != "fit" or (trainer.current_epoch + 1) % self.every == 0)
        if not due or not trainer.is_global_zero:
            return
        loggers = [logger for logger in trainer.loggers if self._takes(logger)]
        if not trainer.loggers:
            self._say("`plot` has no logger to give its pictures to: pass `Trainer(logger=...)`.")
        if loggers:
            for name, figure in _drawn(report, matrix):
                for logger in loggers:
                    send_picture(logger, f"{stage}_{name}{suffix}", figure, trainer.global_step)

    def _takes(self, logger: Any) -> bool:
        if takes_pictures(logger):
            return True
        self._say(
            "`plot` must have a logger of TensorBoard, Weights & Biases, MLflow or CSV files for its pictures, got "
            f"{type(logger).__name__}, which gets none. Draw them with `lightning_imbalance.plots`."
        )
        return False

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            rank_zero_warn(text)


def _drawn(report: ClassReport, matrix: Tensor | None) -> Iterator[tuple[str, Any]]:
    known = report.distribution
    # By the names of the report, which the user may have given to the monitor alone.
    trained = known and ClassDistribution(known.counts, report.class_names, known.task, known.num_samples)
    yield "recall", plots.recall(report.to_dict(), trained, report.many, report.few)
    if matrix is not None:
        yield "confusion_matrix", plots.confusion(matrix, report.class_names)
