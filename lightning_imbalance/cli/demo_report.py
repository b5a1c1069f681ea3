"""What the demo found, as a page."""

from __future__ import annotations

from lightning_imbalance import plots
from lightning_imbalance.cli.verdict import Run, side_by_side
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.inspection import Inspection
from lightning_imbalance.reports import DataTable, Page, Picture, Section, Text
from lightning_imbalance.reports.environment import environment_section


def demo_page(before: Run, after: Run, trained_on: ClassDistribution, said: str, command: str) -> Page:
    """Return the recalls with and without weights, and what the weights are.

    Args:
        before: The run without weights.
        after: The run with them.
        trained_on: The classes of the training data.
        said: What the runs show, in words.
        command: The command that makes the page again.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    recalls = Picture(
        plots.recall_change(before.report.to_dict(), after.report.to_dict(), trained_on, (before.name, after.name)),
        f"Recall of each class without weights and with {after.name!r}, from the most frequent class to the rarest.",
    )
    looked_at = Inspection(trained_on)
    weights = Picture(
        plots.overview(trained_on), "How many samples there are, and what weights make of the class prior."
    )
    return Page(
        "What class weights do",
        said,
        [
            Section("Recall of each class", (recalls, DataTable(side_by_side(before, after, trained_on)))),
            Section("Classes and weights", (weights, Text(looked_at.complement), DataTable(looked_at.schemes_table()))),
            environment_section(),
        ],
        command=command,
    )
