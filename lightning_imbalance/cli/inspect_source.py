"""Print what a data set's classes mean for training and validation."""

from __future__ import annotations

import argparse
import json
import shlex
import warnings
from collections.abc import Sequence

from torch import Tensor

from lightning_imbalance.cli.output_files import check_ending, writing
from lightning_imbalance.inspection import Inspection, split_off
from lightning_imbalance.sources import Source, read_source

_PAGES = (".html", ".htm")
_PICTURES = (".png", ".svg", ".pdf")
_SPLIT_OFF = "'validation' is the 15 % that would be split off by class: the source has no validation data of its own."
_COMMANDS = {
    "images": "fit --data ImageFolderDataModule --data.root {source}",
    "table": "fit --data TabularDataModule --data.data {source} --data.target {target}",
}


def run_inspect(options: argparse.Namespace) -> None:
    """Read the source and print.

    Args:
        options: What ``lightning-imbalance inspect`` was called with.

    Raises:
        ModuleNotFoundError: A picture or a report is asked for, and what makes it is not installed.
        ValueError: The source cannot be read, or has fewer than two classes, or a file cannot be written.
    """
    if options.html is not None:
        # Whoever swaps the two files would lose the data.
        check_ending("--html", options.html, _PAGES)
    if options.plot is not None:
        check_ending("--plot", options.plot, _PICTURES)
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        source = _source(options)
    validation = _validation_samples(source)
    looked_at = Inspection(source.train, validation)
    said = [*(str(warning.message) for warning in noticed), *looked_at.warnings]
    if options.json:
        found = {"source": source.location, "kind": source.kind, **looked_at.to_dict(), "warnings": said}
        print(json.dumps(found, indent=2))
    else:
        _print(source, looked_at, said, _train_command(source, looked_at, options.target))
    if options.html is not None:
        _write_report(options, source, looked_at, [str(warning.message) for warning in noticed])
    if options.plot is not None:
        _write_picture(options, looked_at)
    written = [str(file) for file in (options.html, options.plot) if file is not None]
    if written and not options.json:
        print(f"\nWritten: {', '.join(written)}")


def _source(options: argparse.Namespace) -> Source:
    try:
        return read_source(options.source, options.target)
    except (ValueError, TypeError) as error:
        # The readers speak of their arguments, and here they have the names of the command line.
        named = str(error)
        for argument, name in (("`root`", "SOURCE"), ("`path`", "SOURCE"), ("`target`", "`--target`")):
            named = named.replace(argument, name)
        raise type(error)(named) from error


def _validation_samples(source: Source) -> Tensor | None:
    if source.validation is not None:
        return source.validation.counts
    return None if source.has_validation else split_off(source.train)


def _train_command(source: Source, looked_at: Inspection, target: str | None) -> str | None:
    """Return the command that trains as suggested; ``None`` where no datamodule of ours reads the source."""
    if source.kind not in _COMMANDS:
        return None
    command = _COMMANDS[source.kind].format(source=shlex.quote(source.location), target=shlex.quote(target or ""))
    suggestion = looked_at.suggestion
    loss = "" if suggestion.loss == "cross_entropy" else f" --model.loss {suggestion.loss}"
    return f"lightning-imbalance {command} --model.weighting {suggestion.weighting}{loss}"


def _write_report(options: argparse.Namespace, source: Source, looked_at: Inspection, noticed: Sequence[str]) -> None:
    from lightning_imbalance.reports.inspection import inspection_page

    target = [] if options.target is None else ["--target", options.target]
    page = inspection_page(
        looked_at,
        source.location,
        warnings=noticed,
        note=None if source.has_validation else _SPLIT_OFF,
        train_command=_train_command(source, looked_at, options.target),
        command=shlex.join(["lightning-imbalance", "inspect", source.location, *target, "--html", str(options.html)]),
    )
    with writing("--html", options.html):
        page.write(options.html)


def _write_picture(options: argparse.Namespace, looked_at: Inspection) -> None:
    from lightning_imbalance import plots

    figure = plots.overview(looked_at.train)
    with writing("--plot", options.plot):
        figure.savefig(options.plot, dpi=150)


def _print(source: Source, looked_at: Inspection, said: list[str], train_command: str | None) -> None:
    from rich.console import Console

    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    console.print(looked_at.classes_table())
    if not source.has_validation:
        say(_SPLIT_OFF)
    console.print()
    console.print(looked_at.schemes_table())
    say(looked_at.complement)
    for sentence in said:
        console.print()
        say(f"Warning: {sentence}")
    console.print()
    say(f"Suggestion: {looked_at.suggestion.sentence}")
    say("Whether that helps here, only training with and without it says.")
    if train_command is not None:
        console.print(f"\n  {train_command}", highlight=False, markup=False, soft_wrap=True)
