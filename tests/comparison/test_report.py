"""The report of a comparison has the verdict first, and every number."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lightning_imbalance.comparison import Comparison
from lightning_imbalance.comparison.report import comparison_page, seeds_table
from lightning_imbalance.functional import PairedDifference
from lightning_imbalance.reports import DataTable, Notice, Page, Picture

BETTER, SAME = PairedDifference(0.10, 0.02, 0.18), PairedDifference(0.01, -0.05, 0.07)


def comparison(weighted: PairedDifference = BETTER, **settings: object) -> Comparison:
    accuracy = {"none": 0.7, "weighted": 0.7 + weighted.difference, "focal": 0.71}
    given = {
        "metric": "balanced_accuracy",
        "baseline": "none",
        "seeds": (0, 7),
        "figures": {
            name: {"balanced_accuracy": (value - 0.01, value + 0.01), "macro_f1": (0.5, 0.7)}
            for name, value in accuracy.items()
        },
        "all_differences": {
            "balanced_accuracy": {"weighted": weighted, "focal": SAME},
            "macro_f1": {"weighted": PairedDifference(0.0, math.nan, math.nan), "focal": SAME},
        },
        "confidence": 0.95,
        "test_samples": 1200,
        "checkpoints": {"none": Path("runs/a.ckpt"), "weighted": Path("runs/b.ckpt")},
        "notes": ("no test part was given",),
    }
    return Comparison(**{**given, **settings})  # type: ignore[arg-type]


def blocks(page: Page, kind: type) -> list:
    return [block for section in page.sections for block in section.blocks if isinstance(block, kind)]


def test_the_verdict_comes_first_and_everything_it_rests_on_follows() -> None:
    found = comparison()
    page = comparison_page(found, "photos/", "lightning-imbalance compare photos/")

    assert page.title == "Which remedy helps on photos/?"
    assert page.lead == found.verdict()
    assert page.facts is not None
    assert page.facts.facts == (
        ("recommended", "weighted"),
        ("balanced accuracy, none → weighted", "0.700 → 0.800"),
        ("seeds", "2"),
        ("test samples", "1,200"),
    )
    tables = [block.table for block in blocks(page, DataTable)]
    assert tables[:3] == [found.table(), found.figure_table(), seeds_table(found)]
    assert tables[3].rows == (("none", str(Path("runs/a.ckpt"))), ("weighted", str(Path("runs/b.ckpt"))))
    assert blocks(page, Notice) == [Notice("No test part was given.")]
    assert [each.title for each in page.sections] == [
        "Decision", "All figures", "Every seed", "Checkpoints", "Environment",
    ]  # fmt: skip
    assert page.command == "lightning-imbalance compare photos/"


def test_the_picture_has_each_difference_to_the_baseline_and_that_of_each_seed() -> None:
    (picture,) = blocks(comparison_page(comparison()), Picture)
    axes = picture.figure.axes[0]

    assert [label.get_text() for label in axes.get_yticklabels()] == ["weighted", "focal"]
    better, same, single, _ = axes.lines
    assert (better.get_xdata().tolist(), same.get_xdata().tolist()) == ([0.10], [0.01])
    assert single.get_xdata().tolist() == pytest.approx([0.10, 0.10, 0.01, 0.01])
    assert axes.get_xlabel() == "balanced accuracy: difference to 'none'"
    assert "small marks are the single seeds" in picture.description


def test_where_nothing_is_shown_the_page_says_so() -> None:
    page = comparison_page(comparison(SAME, notes=(), checkpoints={}))

    assert page.title == "Which remedy helps?"
    assert page.facts is not None
    assert page.facts.facts[0] == ("recommended", "none is shown to be better")
    assert page.lead.startswith("No remedy was shown to be better than 'none'.")
    assert blocks(page, Notice) == []
    assert "Checkpoints" not in [section.title for section in page.sections]


def test_every_number_of_every_seed_stands_in_a_table() -> None:
    table = seeds_table(comparison())

    assert [column.header for column in table.columns] == [
        "figure", "remedy", "mean", "difference", "95 % interval", "seed 0", "seed 7",
    ]  # fmt: skip
    assert table.rows == (
        ("balanced accuracy", "none", "0.700", "", "", "0.690", "0.710"),
        ("balanced accuracy", "weighted", "0.800", "+0.100", "+0.020 … +0.180", "0.790", "0.810"),
        ("balanced accuracy", "focal", "0.710", "+0.010", "-0.050 … +0.070", "0.700", "0.720"),
        ("macro F1", "none", "0.600", "", "", "0.500", "0.700"),
        ("macro F1", "weighted", "0.600", "+0.000", "-", "0.500", "0.700"),
        ("macro F1", "focal", "0.600", "+0.010", "-0.050 … +0.070", "0.500", "0.700"),
    )
    assert table.caption == "The differences are those to 'none'; the intervals of one figure hold together."


def test_the_file_is_written_with_its_name_and_command(tmp_path: Path) -> None:
    comparison().to_html(tmp_path / "found.html", name="<b>photos</b>", command="compare '<photos>'")

    page = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert "<h1>Which remedy helps on &lt;b&gt;photos&lt;/b&gt;?</h1>" in page
    assert "<code>compare &#39;&lt;photos&gt;&#39;</code>" in page
    assert "Recommended: &#39;weighted&#39;" in page


def test_figures_that_are_no_numbers_still_make_a_page(tmp_path: Path) -> None:
    nothing = PairedDifference(math.nan, math.nan, math.nan)
    figures = {name: {"balanced_accuracy": (math.nan, 0.5)} for name in ("none", "weighted", "focal")}
    found = comparison(figures=figures, all_differences={"balanced_accuracy": {"weighted": nothing, "focal": nothing}})
    found.to_html(tmp_path / "found.html")

    page = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert page.count(">no interval</text>") == 2
