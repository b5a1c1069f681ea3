"""Print what a data set's classes mean for training and validation."""

from __future__ import annotations

import argparse
import json
import shlex
import warnings

from torch import Tensor

from lightning_imbalance.inspection import Inspection, split_off
from lightning_imbalance.sources import Source, read_source

_COMMANDS = {
    "images": "fit --data ImageFolderDataModule --data.root {source}",
    "table": "fit --data TabularDataModule --data.data {source} --data.target {target}",
}


def run_inspect(options: argparse.Namespace) -> None:
    """Read the source and print.

    Args:
        options: What ``lightning-imbalance inspect`` was called with.

    Raises:
        ValueError: The source cannot be read, or has fewer than two classes.
    """
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
        _print(source, looked_at, said, options.target)


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


def _print(source: Source, looked_at: Inspection, said: list[str], target: str | None) -> None:
    from rich.console import Console

    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    console.print(looked_at.classes_table())
    if not source.has_validation:
        say("'validation' is the 15 % that would be split off by class: the source has no validation data of its own.")
    console.print()
    console.print(looked_at.schemes_table())
    say(looked_at.complement)
    for sentence in said:
        console.print()
        say(f"Warning: {sentence}")
    suggestion = looked_at.suggestion
    console.print()
    say(f"Suggestion: weighting {suggestion.weighting!r} with the loss {suggestion.loss!r}. {suggestion.reason}")
    say("Whether that helps here, only training with and without it says.")
    if source.kind in _COMMANDS:
        command = _COMMANDS[source.kind].format(source=shlex.quote(source.location), target=shlex.quote(target or ""))
        loss = "" if suggestion.loss == "cross_entropy" else f" --model.loss {suggestion.loss}"
        options = f"--model.weighting {suggestion.weighting}{loss}"
        console.print(f"\n  lightning-imbalance {command} {options}", highlight=False, markup=False, soft_wrap=True)
