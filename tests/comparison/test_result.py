"""What a comparison says, whatever it found."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

from rich.console import Console

from lightning_imbalance.comparison import Comparison
from lightning_imbalance.functional import PairedDifference

BETTER, SAME = PairedDifference(0.10, 0.02, 0.18), PairedDifference(0.01, -0.05, 0.07)


def comparison(
    weighted: PairedDifference = BETTER,
    focal: PairedDifference = SAME,
    notes: tuple[str, ...] = (),
) -> Comparison:
    accuracy = {"none": 0.7, "weighted": 0.7 + weighted.difference, "focal": 0.7 + focal.difference}
    return Comparison(
        metric="balanced_accuracy",
        baseline="none",
        seeds=(0, 1),
        figures={
            name: {"balanced_accuracy": (value - 0.01, value + 0.01), "log_loss": (0.5, 0.7)}
            for name, value in accuracy.items()
        },
        all_differences={
            "balanced_accuracy": {"weighted": weighted, "focal": focal},
            "log_loss": {"weighted": PairedDifference(0.0, -0.1, 0.1), "focal": PairedDifference(0.2, 0.1, 0.3)},
        },
        confidence=0.95,
        test_samples=1200,
        checkpoints={"none": Path("a.ckpt"), "weighted": Path("b.ckpt")},
        notes=notes,
    )


HELD = (
    " The intervals hold together for the 2 remedies at 0.95 confidence, for other test samples and other seeds "
    "(1,200 and 2 here), not for another split."
)


def test_the_highest_of_those_that_are_shown_to_be_better_is_recommended() -> None:
    found = comparison(focal=PairedDifference(0.12, 0.01, 0.23))

    assert found.recommended == "focal"
    assert found.verdict() == (
        "Recommended: 'focal'. It raised balanced accuracy from 0.700 to 0.820 (+0.120, interval +0.010 to +0.230). "
        "Better than 'none' too: 'weighted'; which of these is best was not tested." + HELD
    )


def test_the_highest_is_not_recommended_where_it_is_not_shown() -> None:
    found = comparison(focal=PairedDifference(0.30, -0.01, 0.61))

    assert found.recommended == "weighted"
    assert found.checkpoint == Path("b.ckpt")


def test_where_nothing_is_shown_it_says_so_and_keeps_the_baseline() -> None:
    found = comparison(PairedDifference(0.04, -0.02, 0.10), PairedDifference(-0.2, -0.3, -0.1))

    assert found.recommended is None
    assert found.checkpoint == Path("a.ckpt")
    assert found.verdict() == (
        "No remedy was shown to be better than 'none'. The highest, 'weighted', changed balanced accuracy from 0.700 to "
        "0.740 (+0.040, interval -0.020 to +0.100), no more than other test samples and other seeds may by chance. Stay "
        "with 'none', or compare with more seeds or more test samples. Worse than 'none': 'focal'." + HELD
    )


def test_an_interval_that_ends_at_0_shows_nothing() -> None:
    assert comparison(PairedDifference(0.1, 0.0, 0.2)).recommended is None


def test_the_text_has_both_tables_the_verdict_and_the_notes() -> None:
    text = str(comparison(notes=("no test part was given",)))

    assert text.splitlines() == [
        "Balanced accuracy on 1,200 test samples, mean of 2 seeds",
        "  remedy     balanced accuracy   difference     95 % interval",
        " ─────────────────────────────────────────────────────────────",
        "  none                   0.700",
        "  weighted               0.800       +0.100   +0.020 … +0.180",
        "  focal                  0.710       +0.010   -0.050 … +0.070",
        comparison().verdict(),
        "All figures; many, medium and few are mean recalls",
        "  remedy     balanced accuracy   log loss",
        " ─────────────────────────────────────────",
        "  none                   0.700      0.600",
        "  weighted              0.800*      0.600",
        "  focal                  0.710     0.600*",
        "* differs from 'none'; of log loss less is better",
        "Note: no test part was given.",
    ]


def test_a_terminal_and_a_notebook_show_the_same() -> None:
    found = comparison(notes=("a <b> & c",))
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(found)
    shown, page = console.export_text(), found._repr_html_()

    for words in ("Recommended: 'weighted'", "Note: a <b> & c."):
        assert words in shown
    assert "Note: a &lt;b&gt; &amp; c." in page
    assert "Recommended: &#x27;weighted&#x27;" in page
    assert page.count("<table>") == 2


def test_files_hold_every_number(tmp_path: Path) -> None:
    found = comparison(focal=PairedDifference(0.2, math.nan, math.nan))
    found.to_json(tmp_path / "found.json")
    found.to_csv(tmp_path / "found.csv")

    read = json.loads((tmp_path / "found.json").read_text())
    assert read == found.to_dict()
    assert read["differences"]["balanced_accuracy"]["focal"] == {"difference": 0.2, "low": None, "high": None}
    assert read["figures"]["none"]["log_loss"] == [0.5, 0.7]
    rows = list(csv.DictReader((tmp_path / "found.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert rows[0] == {
        "remedy": "none", "figure": "balanced_accuracy", "mean": "0.7", "difference": "", "low": "", "high": "",
        "seed 0": "0.69", "seed 1": "0.71",
    }  # fmt: skip
    assert float(rows[2]["low"]) == 0.02
