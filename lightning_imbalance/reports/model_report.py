"""One trained model: what it finds of each class, how far its probabilities can be believed, what it was trained on."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
from torch import Tensor

from lightning_imbalance.checks import listed
from lightning_imbalance.class_report import ClassReport
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional import expected_calibration_error, probabilities
from lightning_imbalance.functional.wilson import wilson_interval
from lightning_imbalance.module import WeightedClassifier
from lightning_imbalance.reports.judgement import BINS, Judgement, judge
from lightning_imbalance.reports.measuring import Measured, Part, measure
from lightning_imbalance.reports.stated_prior import StatedPrior, for_shares, predicted_logits, stated_prior
from lightning_imbalance.reports.training_log import TrainingLog
from lightning_imbalance.tables import Column, Table

if TYPE_CHECKING:
    from rich.console import Group

    from lightning_imbalance.reports.page import Page

_MORE = {"predicted", "F1", "group"}
_PARTS = {"val": "validation", "test": "test"}


@dataclass(frozen=True, eq=False, repr=False)
class ModelReport:
    """Figures of one model on one part of the data; prints itself, in a notebook too, and writes an HTML page.

    :func:`model_report` makes it.

    Args:
        part: ``"val"`` or ``"test"``.
        classes: Recall of each class, and the aggregates.
        judgement: The figures of one number, and all that pictures need.
        prior: The class prior that the probabilities are stated for.
        adjusted: Probabilities for the classes' shares in the samples; ``None`` where they cannot be had.
        weights: The class weights trained with, one a class.
        sampling: Share of each class in the batches, shape ``(C,)``, where a sampler changed it.
        trained_with: Loss, weighting and what mixes batches, in words.
        notices: What a reader must know before the figures.
        log: What the fit wrote down, where there is something.
        ignore_index: Of ``multilabel``: targets of this value count nothing.
        location: What was loaded, where it came from a file.
        command: The command that makes this report.
        fit_command: The command that trains such a model.
    """

    part: Part
    classes: ClassReport
    judgement: Judgement
    prior: StatedPrior
    adjusted: Tensor | None
    weights: tuple[float, ...]
    sampling: Tensor | None
    trained_with: Mapping[str, str]
    notices: tuple[str, ...] = ()
    log: TrainingLog | None = None
    ignore_index: int | None = None
    location: str | None = None
    command: str | None = None
    fit_command: str | None = None

    @property
    def trained_on(self) -> ClassDistribution:
        """The classes of the data that the model was trained on."""
        assert self.classes.distribution is not None, "model_report gives it"  # noqa: S101  # for the type checker
        return self.classes.distribution

    @property
    def part_name(self) -> str:
        """``"validation"`` or ``"test"``."""
        return _PARTS[self.part]

    @property
    def samples(self) -> int:
        """How many samples were judged; pixels of a dense task each count."""
        counts = self.classes.counts
        whole = counts.total.max() if self.classes.task == "multilabel" else counts.samples.sum()
        return int(whole)

    def figures(self) -> dict[str, float]:
        """Return the figures of one number each, without those that nothing was there to measure.

        Returns:
            ``balanced_accuracy``, ``worst_class_recall``, ``geometric_mean``, ``macro_f1``, the mean recall of the
            groups, ``accuracy``, ``mean_average_precision``, ``log_loss`` and ``expected_calibration_error``; the last
            also ``..._for_these_shares`` where :attr:`adjusted` is there.
        """
        measured = self.judgement.average_precision[~self.judgement.average_precision.isnan()]
        values = self.classes.aggregates() | {
            "accuracy": self.judgement.accuracy,
            "mean_average_precision": measured.mean().item(),
            "log_loss": self.judgement.log_loss,
            "expected_calibration_error": self.judgement.calibration_error,
        }
        if self.adjusted is not None:
            values["expected_calibration_error_for_these_shares"] = self._adjusted_error()
        return {name: value for name, value in values.items() if not math.isnan(value)}

    def rows(self) -> list[dict[str, Any]]:
        """Return the classes with all that is known of each, by the names of :meth:`to_dict`; NaN where nothing is."""
        counts = self.classes.counts
        low, high = wilson_interval(counts.true_positives, counts.samples)
        hits = counts.true_positives.double()
        groups = {i: group for group, members in self.trained_on.groups().items() for i in members}
        columns: dict[str, Sequence[Any]] = {
            "name": self.trained_on.class_names,
            "group": [groups[index] for index in range(self.trained_on.num_classes)],
            "trained_on": self.trained_on.counts.tolist(),
            "weight": self.weights,
            "samples": counts.samples.tolist(),
            "predictions": counts.predictions.tolist(),
            "true_positives": counts.true_positives.tolist(),
            "recall": (hits / counts.samples).tolist(),
            "recall_low": low.tolist(),
            "recall_high": high.tolist(),
            "precision": (hits / counts.predictions).tolist(),
            "f1": (2 * hits / (counts.predictions + counts.samples)).tolist(),
            "average_precision": self.judgement.average_precision.tolist(),
        }
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def table(self, *, whole: bool = False) -> Table:
        """Return the classes as rows; a dash where nothing could be measured.

        Args:
            whole: Also predictions, F1 and group, for which a terminal has no room.

        Returns:
            Training samples, samples, recall with its 95 % Wilson interval, precision, average precision (``AP``).
        """
        cells: dict[str, Callable[[dict[str, Any]], str]] = {
            "class": lambda row: row["name"],
            "train": lambda row: f"{row['trained_on']:,}",
            "samples": lambda row: f"{row['samples']:,}",
            "predicted": lambda row: f"{row['predictions']:,}",
            "recall": lambda row: shown(row["recall"]),
            "95 % interval": _interval,
            "precision": lambda row: shown(row["precision"]),
            "F1": lambda row: shown(row["f1"]),
            "AP": lambda row: shown(row["average_precision"]),
            "group": lambda row: row["group"],
        }
        names = [name for name in cells if whole or name not in _MORE]
        return Table(
            tuple(Column(name, "left" if name in {"class", "group"} else "right") for name in names),
            tuple(tuple(cells[name](row) for name in names) for row in self.rows()),
            f"Classes, on {self.samples:,} samples of the {self.part_name} part",
        )

    def figure_table(self) -> Table:
        """Return the figures of one number each as rows."""
        words = {
            "macro_f1": "macro F1",
            "expected_calibration_error": "calibration error",
            "expected_calibration_error_for_these_shares": f"calibration error, for the {self.part_name} part's shares",
        }
        named = ((words.get(name, name.replace("_", " ")), value) for name, value in self.figures().items())
        rows = tuple((name, f"{value:.3f}") for name, value in named)
        return Table((Column("figure", "left"), Column("value")), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain strings, numbers and lists, ``None`` where nothing could be measured."""
        prior = self.prior
        return {
            "run": self.location,
            "part": self.part,
            "samples": self.samples,
            "task": self.classes.task,
            "figures": {name: _finite(value) for name, value in self.figures().items()},
            "classes": [{name: _finite(value) for name, value in row.items()} for row in self.rows()],
            "trained_with": dict(self.trained_with),
            "sampling": None if self.sampling is None else self.sampling.tolist(),
            "training_prior": None if prior.training is None else prior.training.tolist(),
            "target_prior": None if prior.target is None else prior.target.tolist(),
            "prior_unknown": prior.unknown or None,
            "notices": list(self.notices),
            "command": self.command,
            "fit_command": self.fit_command,
        }

    def page(self) -> Page:
        """Return the report as a page.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
        """
        from lightning_imbalance.reports.model import model_page

        return model_page(self)

    def write(self, path: str | Path) -> None:
        """Write the page into one HTML file.

        Args:
            path: The file, which is replaced.

        Raises:
            ModuleNotFoundError: matplotlib or jinja2 is not installed.
            OSError: The file cannot be written.
        """
        self.page().write(path)

    def verdict(self) -> str:
        """Return what was found, in two sentences."""
        figures = self.figures()
        measured = [row for row in self.rows() if row["samples"]]
        if "balanced_accuracy" not in figures or not measured:
            return f"Nothing could be measured on the {self.samples:,} samples of the {self.part_name} part."
        worst = min(measured, key=lambda row: row["recall"])
        return (
            f"Balanced accuracy {figures['balanced_accuracy']:.3f} on {self.samples:,} samples of the "
            f"{self.part_name} part. Found least is {worst['name']!r}: {worst['true_positives']:,} of "
            f"{worst['samples']:,}, a recall of {worst['recall']:.3f} (95 % interval {worst['recall_low']:.3f} to "
            f"{worst['recall_high']:.3f})."
        )

    def __str__(self) -> str:
        notices = [f"Notice: {notice}" for notice in self.notices]
        return "\n".join([str(self.table()), self.verdict(), str(self.figure_table()), *notices])

    def __rich__(self) -> Group:
        """Return the tables and the words between them."""
        from rich.console import Group
        from rich.text import Text

        notices = [Text(f"\nNotice: {notice}") for notice in self.notices]
        return Group(self.table(), Text(self.verdict()), self.figure_table(), *notices)

    def __repr__(self) -> str:
        return f"ModelReport(part={self.part!r}, samples={self.samples}, classes={self.trained_on.num_classes})"

    def _repr_html_(self) -> str:
        """Return the same as HTML, every word escaped; notebooks call this."""
        notices = "".join(f"<p>Notice: {html.escape(notice)}</p>" for notice in self.notices)
        verdict = f"<p>{html.escape(self.verdict())}</p>"
        return f"{self.table()._repr_html_()}{verdict}{self.figure_table()._repr_html_()}{notices}"

    def _adjusted_error(self) -> float:
        assert self.adjusted is not None, "asked for where it is there"  # noqa: S101  # for the type checker
        task = self.classes.task
        return expected_calibration_error(self.adjusted, self.judgement.target, BINS, task=task).item()


def model_report(
    model: WeightedClassifier,
    datamodule: L.LightningDataModule,
    part: Part | None = None,
    *,
    log: TrainingLog | None = None,
    notices: Sequence[str] = (),
    lost_loss: str | None = None,
    trained_with: Mapping[str, str] | None = None,
    location: str | None = None,
    command: str | None = None,
    fit_command: str | None = None,
    progress: bool = False,
) -> ModelReport:
    """Measure a fitted model on validation or test data, and put all that is known of it together.

    Decisions and probabilities are those that ``predict`` gives: for the model's ``target_prior``, where it has one.

    Args:
        model: Fitted, or loaded from a checkpoint.
        datamodule: The data. A split that depends on chance must be the one of the training, or the model is measured
            on what it has seen; a notice says where the training parts differ.
        part: ``"val"`` or ``"test"``; by default the test part where there is one, else the validation part.
        log: What the fit wrote down: :func:`~lightning_imbalance.reports.training_log.read_training_log`.
        notices: What a reader must know beside.
        lost_loss: The loss that the checkpoint was trained with, in words, where the model could not be given it.
        trained_with: More that is known of the training, by name.
        location: Where the model comes from, for the heading.
        command: The command that makes this report, for the end.
        fit_command: The command that trains such a model.
        progress: Show Lightning's progress bar.

    Returns:
        The report.

    Raises:
        TypeError: The model's steps, the data's loaders or targets are of another form.
        ValueError: The model knows no classes, the data have others, or no such part.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> data = TensorDataset(torch.eye(2).repeat(4, 1), torch.tensor([0, 1]).repeat(4))
        >>> model = WeightedClassifier(torch.nn.Identity(), num_classes=2)
        >>> model.adopt(ClassDistribution([30, 10], ["cat", "dog"]))
        >>> report = model_report(model, L.LightningDataModule.from_datasets(test_dataset=data))
        >>> print(report.table())
        Classes, on 8 samples of the test part
         class   train   samples   recall   95 % interval   precision      AP
        ──────────────────────────────────────────────────────────────────────
         cat        30         4    1.000   0.510 - 1.000       1.000   1.000
         dog        10         4    1.000   0.510 - 1.000       1.000   1.000
    """
    measured = measure(model, datamodule, part, progress=progress)
    trained_on = model.distribution
    assert trained_on is not None, "measure has asked for it"  # noqa: S101  # for the type checker
    prior = stated_prior(model, lost_loss)
    values = predicted_logits(model, prior, measured.logits)
    judgement = judge(values, measured.target, trained_on.num_classes, model.task, model.ignore_index)
    decided = ~values.isnan() if values.ndim == 1 else ~values.isnan().any(1)
    moved = for_shares(values[decided], prior, judgement.counts.samples, trained_on)
    return ModelReport(
        part=measured.part,
        classes=ClassReport(judgement.counts, trained_on.class_names, model.task, trained_on),
        judgement=judgement,
        prior=prior,
        adjusted=None if moved is None else probabilities(moved, model.task),
        weights=tuple(model.class_weights.tolist()),
        sampling=model.sampling,
        trained_with=_words(model, lost_loss) | dict(trained_with or {}),
        notices=(*notices, *_notices(measured, judgement, trained_on, asked=part)),
        log=log,
        ignore_index=model.ignore_index,
        location=location,
        command=command,
        fit_command=fit_command,
    )


def shown(value: float) -> str:
    """Return a figure for a table, a dash for NaN.

    Example:
        >>> shown(0.25), shown(float("nan"))
        ('0.250', '-')
    """
    return "-" if math.isnan(value) else f"{value:.3f}"


def _interval(row: Mapping[str, Any]) -> str:
    return f"{row['recall_low']:.3f} - {row['recall_high']:.3f}" if row["samples"] else "-"


def _words(model: WeightedClassifier, lost_loss: str | None) -> dict[str, str]:
    words = model.trained_with()
    if lost_loss is not None:
        words["loss"] = lost_loss
    return {name: value for name, value in words.items() if value != "None"}


def _notices(
    measured: Measured, judgement: Judgement, trained_on: ClassDistribution, *, asked: Part | None
) -> list[str]:
    found = []
    if measured.part == "val":
        why = "The data have no test part. " if asked is None else ""
        found.append(
            f"{why}The validation part is measured, by which the epoch or the settings may have been chosen: on new "
            "data the figures will be a little lower."
        )
    there = measured.training_part
    if there is None:
        found.append(
            "The data have no training part, so that nobody can see here whether the model was trained on the samples "
            "that it is measured on."
        )
    elif there.counts.tolist() != trained_on.counts.tolist():
        found.append(
            f"The training part of these data is not what the model was trained on: that were {trained_on.summary()}, "
            f"and these are {there.summary()}. If both come from the same samples, the split is another one, and the "
            "model may have been trained on samples that it is measured on."
        )
    counts = judgement.counts
    names = trained_on.class_names
    absent = [names[i] for i, count in enumerate(counts.samples.tolist()) if not count]
    if absent:
        found.append(f"No sample of {listed(absent)} is in the {_PARTS[measured.part]} part: nothing is known of it.")
    undecided = int(counts.undecided.sum())
    if undecided:
        found.append(f"The model gives no number (NaN) for {undecided:,} samples, which count as missed.")
    return found


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
