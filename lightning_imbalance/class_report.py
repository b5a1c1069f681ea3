"""What an evaluation says about each class: one value for logs, tables and comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional import recall as figures
from lightning_imbalance.functional.confusion_counts import ConfusionCounts
from lightning_imbalance.functional.wilson import wilson_interval
from lightning_imbalance.tables import Column, Table


@dataclass(frozen=True, eq=False)
class ClassReport:
    """Figures of one evaluation, derived from one set of counts.

    Args:
        counts: True positives, predictions, samples and undecided samples per class, on the CPU.
        class_names: One name a class.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        distribution: The training data's classes, where known: gives the groups and the column of training counts.
        many: Classes with more training samples than this are ``many``.
        few: Classes with fewer training samples than this are ``few``.

    Example:
        >>> import torch
        >>> from lightning_imbalance.functional import confusion_counts
        >>> counts = confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
        >>> print(ClassReport(counts, ("cat", "dog")).table())
        balanced accuracy 0.750, worst class recall 0.500 (cat)
         class   samples   recall   95 % interval   predicted
        ──────────────────────────────────────────────────────
         cat           2    0.500   0.095 - 0.905           1
         dog           1    1.000   0.207 - 1.000           2
    """

    counts: ConfusionCounts
    class_names: tuple[str, ...]
    task: Task = "multiclass"
    distribution: ClassDistribution | None = None
    many: int = 100
    few: int = 20

    @property
    def recall(self) -> dict[str, float]:
        """Recall of each class by name; NaN for a class without samples."""
        return dict(zip(self.class_names, figures.class_recall(self.counts).tolist(), strict=True))

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes without a sample in this evaluation."""
        return tuple(name for name, recall in self.recall.items() if math.isnan(recall))

    @property
    def undecided(self) -> dict[str, tuple[int, int]]:
        """Of each class with samples without a prediction, how many have none and how many there are.

        For ``multilabel`` these are the samples that were judged for the class, of it or not.
        """
        judged = self.counts.total if self.task == "multilabel" else self.counts.samples
        rows = zip(self.class_names, self.counts.undecided.tolist(), judged.tolist(), strict=True)
        return {name: (undecided, among) for name, undecided, among in rows if undecided}

    def aggregates(self) -> dict[str, float]:
        """Return the figures of one number each, without those that nothing was there to measure.

        Returns:
            ``balanced_accuracy``, ``worst_class_recall``, ``geometric_mean``, ``macro_f1``, and where training counts
            are known the mean recall of the groups: ``recall_many``, ``recall_medium``, ``recall_few``.

        Example:
            >>> import torch
            >>> from lightning_imbalance.functional import confusion_counts
            >>> counts = confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
            >>> ClassReport(counts, ("cat", "dog")).aggregates()["balanced_accuracy"]
            0.75
        """
        values = {
            "balanced_accuracy": figures.balanced_accuracy(self.counts, self.task).item(),
            "worst_class_recall": figures.worst_class_recall(self.counts).item(),
            "geometric_mean": figures.geometric_mean(self.counts).item(),
            "macro_f1": figures.macro_f1(self.counts).item(),
        }
        if self.distribution is not None:
            recall = figures.class_recall(self.counts)
            for group, members in self.distribution.groups(self.many, self.few).items():
                values[f"recall_{group}"] = recall[list(members)].nanmean().item()
        return {name: value for name, value in values.items() if not math.isnan(value)}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, by class name where there is one a class.

        Returns:
            The aggregates, and ``recall``, ``recall_interval`` (95 % Wilson), ``samples``, ``predictions``,
            ``true_positives`` and ``undecided`` (samples without a prediction) by class name.

        Example:
            >>> import torch
            >>> from lightning_imbalance.functional import confusion_counts
            >>> counts = confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), num_classes=2)
            >>> ClassReport(counts, ("cat", "dog")).to_dict()["samples"]
            {'cat': 2, 'dog': 1}
        """
        low, high = wilson_interval(self.counts.true_positives, self.counts.samples)
        per_class: dict[str, list[Any]] = {
            "recall": list(self.recall.values()),
            "recall_interval": list(zip(low.tolist(), high.tolist(), strict=True)),
            "samples": self.counts.samples.tolist(),
            "predictions": self.counts.predictions.tolist(),
            "true_positives": self.counts.true_positives.tolist(),
            "undecided": self.counts.undecided.tolist(),
        }
        named = {key: dict(zip(self.class_names, values, strict=True)) for key, values in per_class.items()}
        return {**self.aggregates(), **named}

    def table(self) -> Table:
        """Return the classes as rows: samples, recall with its 95 % Wilson interval, predictions.

        Returns:
            The table; a class without samples has a dash for its recall. Where samples have no prediction, a last
            column counts them.
        """
        values = self.to_dict()
        columns = [Column("class", "left"), Column("samples"), Column("recall"), Column("95 % interval")]
        columns += [Column("predicted")]
        if self.distribution is not None:
            columns.insert(1, Column("trained on"))
        undecided = self.undecided
        columns += [Column("undecided")] if undecided else []
        trained_on = None if self.distribution is None else self.distribution.counts.tolist()
        rows = []
        for i, name in enumerate(self.class_names):
            low, high = values["recall_interval"][name]
            measured = not math.isnan(values["recall"][name])
            row = [
                name,
                f"{values['samples'][name]:,}",
                f"{values['recall'][name]:.3f}" if measured else "-",
                f"{low:.3f} - {high:.3f}" if measured else "-",
                f"{values['predictions'][name]:,}",
            ]
            if trained_on is not None:
                row.insert(1, f"{trained_on[i]:,}")
            row += [f"{values['undecided'][name]:,}"] if undecided else []
            rows.append(tuple(row))
        return Table(tuple(columns), tuple(rows), title=self._headline(values))

    def _headline(self, values: dict[str, Any]) -> str:
        if "balanced_accuracy" not in values:
            return "no sample was evaluated"
        headline = f"balanced accuracy {values['balanced_accuracy']:.3f}"
        if "worst_class_recall" not in values:  # several labels, and none of them is positive anywhere
            return headline
        recall = self.recall
        worst = min((name for name in recall if not math.isnan(recall[name])), key=recall.__getitem__)
        return f"{headline}, worst class recall {values['worst_class_recall']:.3f} ({worst})"
