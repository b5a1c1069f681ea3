"""The report of `inspect`: what the classes of a data set mean, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightning_imbalance import plots
from lightning_imbalance.inspection import Inspection
from lightning_imbalance.reports.environment import environment_section
from lightning_imbalance.reports.page import Block, Code, DataTable, Facts, Notice, Page, Picture, Section, Text


def inspection_page(
    inspection: Inspection,
    name: str,
    *,
    warnings: Sequence[str] = (),
    note: str | None = None,
    train_command: str | None = None,
    command: str | None = None,
) -> Page:
    """Return the report of an inspection: the classes, what weights would do, and what to try first.

    Args:
        inspection: What was found.
        name: What the data are called.
        warnings: Sentences beside those of the inspection: what reading the labels noticed.
        note: A sentence below the table of classes.
        train_command: The command that follows the suggestion.
        command: The command that makes the report again.

    Returns:
        The page.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: Fewer than two classes have samples.

    Example:
        >>> from lightning_imbalance import ClassDistribution
        >>> page = inspection_page(Inspection(ClassDistribution([600, 60, 6])), "photos/")
        >>> [section.title for section in page.sections]
        ['What to try first', 'Classes', 'Weightings', 'Environment']
    """
    train, said = inspection.train, [*warnings, *inspection.warnings]
    rarest = train.rarest
    facts = (
        ("classes", f"{train.num_classes:,}"),
        ("samples", f"{train.num_samples:,}"),
        ("imbalance ratio", inspection.ratio),
        ("samples of the rarest class", f"{int(train.counts[rarest]):,}"),
    )
    sentence = inspection.suggestion.sentence
    first: list[Block] = [Text(f"{sentence[:1].upper()}{sentence[1:]}")]
    if train_command is not None:
        first.append(Code(train_command))
    first.append(Text("Whether that helps here, only training with and without it says."))
    classes: list[Block] = [DataTable(replace(inspection.classes_table(), title=""))]
    if note is not None:
        classes.append(Text(note))
    classes.append(Picture(plots.counts(train), _counts_said(inspection)))
    sections = [
        Section("What to try first", first),
        *([Section("Warnings", [Notice(sentence) for sentence in said])] if said else []),
        Section("Classes", classes),
        Section(
            "Weightings",
            (
                Text(
                    "A weight has the effect on the loss that as many times the samples would have. So weights make a "
                    f"model believe in another class prior than that of the data. {inspection.complement}"
                ),
                DataTable(inspection.schemes_table()),
                Picture(
                    plots.priors(train),
                    "The share of each class that a model believes in after training with each weighting, from the "
                    "most frequent class at the top to the rarest. A line that falls straight down makes all classes "
                    "equally likely; 'uniform' is the data as they are.",
                ),
            ),
        ),
        environment_section(),
    ]
    lead = f"{train.num_classes:,} classes with {train.num_samples:,} training samples. {_found(said)}"
    return Page(f"The classes of {name}", lead, sections, Facts(facts), command)


def _counts_said(inspection: Inspection) -> str:
    sizes = {group: len(members) for group, members in inspection.train.groups().items() if members}
    groups = ", ".join(f"{size:,} {group}" for group, size in sizes.items())
    return (
        "Training samples of each class on a logarithmic scale, from the most frequent class to the rarest. Classes by "
        f"size: {groups} (many: more than 100 samples, few: fewer than 20)."
    )


def _found(said: Sequence[str]) -> str:
    if not said:
        return "Nothing stands in the way of training or of validation."
    return "There is one warning." if len(said) == 1 else f"There are {len(said)} warnings."
