"""What is known of generated samples, as a value that prints itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from lightning_imbalance.functional.paired import PairedDifference
from lightning_imbalance.tables import Column, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable


class Likeness(NamedTuple):
    """How the generated samples of a class compare with its real ones; NaN where there is nothing to compare.

    Attributes:
        name: Of the class.
        real: Training samples.
        generated: Generated samples.
        agreement: Share of the generated samples that a classifier takes for this class.
        held_out_recall: Share of the held-out ones that it does.
        distance: Median distance of a generated sample to the nearest training sample of the class.
        held_out_distance: Median distance of a held-out one.
        closer: Share of pairs in which the generated sample lies closer; 0.5 for new samples, 1 for copies.
        pairs: How many pairs there are.
        copies: Generated samples nearer than a tenth of ``held_out_distance``.
        variety: Mean distance of two generated samples over that of two held-out ones.

    Example:
        >>> Likeness("eel", 9, 80, 0.9, 0.8, 1.1, 1.2, 0.55, 1600, 0, 0.9).copies
        0
    """

    name: str
    real: int
    generated: int
    agreement: float
    held_out_recall: float
    distance: float
    held_out_distance: float
    closer: float
    pairs: int
    copies: int
    variety: float


@dataclass(frozen=True)
class QualityReport:
    """Figures of :func:`~lightning_imbalance.synthesis.quality_report`.

    Args:
        likeness: One entry a class.
        accuracy: Balanced accuracy on the held-out samples of each run, by what was trained on: ``"real"``,
            ``"repeated"`` and ``"synthetic"``.
        gain: Balanced accuracy with the generated samples minus that of the real ones alone.
        gain_over_repeating: The same minus that of repeated real samples.
        held_out: Number of held-out samples.

    Example:
        >>> report = QualityReport(
        ...     (Likeness("eel", 9, 80, 0.9, 0.8, 1.1, 1.2, 0.55, 1600, 0, 0.9),),
        ...     {"real": (0.7, 0.7), "repeated": (0.8, 0.8), "synthetic": (0.8, 0.8)},
        ...     PairedDifference(0.1, 0.05, 0.15), PairedDifference(0.0, -0.05, 0.05), held_out=200)
        >>> report.helped, report.closer
        (True, 0.55)
    """

    likeness: tuple[Likeness, ...]
    accuracy: Mapping[str, tuple[float, ...]]
    gain: PairedDifference
    gain_over_repeating: PairedDifference
    held_out: int

    @property
    def helped(self) -> bool:
        """Whether the generated samples raised the balanced accuracy beyond chance, over the real ones alone."""
        return self.gain.low > 0

    @property
    def closer(self) -> float:
        """Share of pairs in which the generated sample lies closer to the training data, over all classes."""
        pairs = sum(each.pairs for each in self.likeness)
        return sum(each.closer * each.pairs for each in self.likeness if each.pairs) / pairs if pairs else math.nan

    @property
    def copies(self) -> int:
        """Generated samples that are as good as copies of a training sample."""
        return sum(each.copies for each in self.likeness)

    def verdict(self) -> str:
        """Say in sentences what the figures show.

        Returns:
            Whether the samples helped, whether they did more than repeating real ones, and whether they are new.
        """
        real, repeated, synthetic = (fmean(self.accuracy[name]) for name in ("real", "repeated", "synthetic"))
        change = f"balanced accuracy from {real:.3f} to {synthetic:.3f} ({_numbers(self.gain)})"
        if not self.gain.shown:
            first = (
                f"No difference shown: the generated samples changed {change}, no more than other seeds and other "
                "samples may do by chance."
            )
        elif self.gain.difference > 0:
            first = f"The generated samples raised {change}."
        else:
            first = f"The generated samples lowered {change}: they did not help here."
        over = self.gain_over_repeating
        word = "no difference shown to" if not over.shown else ("more than" if over.difference > 0 else "less than")
        second = f"Repeating real samples as often gives {repeated:.3f}: {word} that ({_numbers(over)})."
        if over.shown:
            second = f"That is {word} repeating real samples as often gives, {repeated:.3f} ({_numbers(over)})."
        generated = sum(each.generated for each in self.likeness)
        third = (
            f"A generated sample lies closer to a training sample than a held-out one does in {self.closer:.0%} of the "
            f"pairs (50 % for new samples, 100 % for copies), and {self.copies:,} of {generated:,} are as good as "
            "copies."
        )
        runs = f"Measured with {len(self.accuracy['real'])} runs of each on {self.held_out:,} held-out samples."
        return f"{first} {second} {third} {runs}"

    def table(self) -> Table:
        """Return the classes as rows, and the verdict below.

        Returns:
            The table; a dash where there is nothing to compare.
        """
        columns = [
            Column("class", "left"),
            Column("real"),
            Column("generated"),
            Column("recognised"),
            Column("held-out"),
        ]
        columns += [Column("distance"), Column("held-out"), Column("closer"), Column("copies"), Column("variety")]
        rows = tuple(
            (
                each.name,
                f"{each.real:,}",
                f"{each.generated:,}",
                _share(each.agreement),
                _share(each.held_out_recall),
                _number(each.distance),
                _number(each.held_out_distance),
                _share(each.closer),
                f"{each.copies:,}" if each.generated else "-",
                _number(each.variety),
            )
            for each in self.likeness
        )
        return Table(tuple(columns), rows, title="Generated samples beside held-out real ones", caption=self.verdict())

    def __str__(self) -> str:
        return str(self.table())

    def __rich__(self) -> RichTable:
        return self.table().__rich__()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _numbers(gain: PairedDifference) -> str:
    return f"{gain.difference:+.3f}, 95 % interval {gain.low:+.3f} to {gain.high:+.3f}"


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0%}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
