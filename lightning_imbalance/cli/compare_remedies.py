"""Train remedies side by side, print what they showed, and write it down."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from lightning_imbalance.cli.named_network import NamedNetwork
from lightning_imbalance.cli.narrow import pieces
from lightning_imbalance.cli.output_files import check_ending, writing
from lightning_imbalance.comparison import Comparison, Remedy, compare
from lightning_imbalance.comparison.remedies import NAMED
from lightning_imbalance.sources import import_object

_OPTIONS = (
    "target",
    "remedies",
    "seeds",
    "max_epochs",
    "metric",
    "baseline",
    "model",
    "workers",
    "confidence",
    "output",
)
_OTHER_WORDS = {
    "`source`": "SOURCE",
    "`root`": "SOURCE",
    "`path`": "SOURCE",
    "instances of Remedy": "`package.module:name` of a Remedy",
}
_REPORT_NEEDS = ("jinja2", "matplotlib")


def run_compare(options: argparse.Namespace) -> None:
    """Compare, print and write.

    Args:
        options: What ``lightning-imbalance compare`` was called with.

    Raises:
        ModuleNotFoundError: A library is not installed that the source or ``--html`` needs.
        TypeError: The source or ``--model`` is something else than it must be.
        ValueError: An option has a value that cannot work.
    """
    options.stopped = (
        f"the comparison was done. Runs that are finished are kept in {options.output}, and the same command goes on "
        "from there"
    )
    with _in_words_of_the_command_line():
        _check_files(options)
        remedies = None if options.remedies is None else _remedies(options.remedies)
        chosen: dict[str, Any] = {} if remedies is None else {"remedies": remedies}
        if options.model is not None:
            chosen["model"] = NamedNetwork(options.model)
        with _short_warnings():
            found = compare(
                options.source,
                seeds=options.seeds,
                target=options.target,
                metric=options.metric,
                baseline=options.baseline,
                max_epochs=options.max_epochs,
                trainer=_trainer(options),
                confidence=options.confidence,
                output=options.output,
                workers=options.workers,
                **chosen,
            )
    files, notes = _write(found, options)
    if options.json:
        print(json.dumps({"source": options.source, **found.to_dict(), "files": files}, indent=2))
    else:
        _print(found, files, [*notes, *_about_the_checkpoint(found, remedies or ())])


@contextmanager
def _in_words_of_the_command_line() -> Iterator[None]:
    """Let messages name options, where the functions below speak of their arguments."""
    try:
        yield
    except (ValueError, TypeError) as error:
        named = str(error)
        for option in _OPTIONS:
            named = named.replace(f"`{option}`", f"`--{option.replace('_', '-')}`")
        for argument, word in _OTHER_WORDS.items():
            named = named.replace(argument, word)
        raise type(error)(named) from error


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Write each warning as one sentence, once."""
    said: set[str] = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        if str(message) not in said:
            said.add(str(message))
            print(f"Warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _check_files(options: argparse.Namespace) -> None:
    for option, path, endings in (("--html", options.html, (".html", ".htm")), ("--csv", options.csv, (".csv",))):
        if path is None:
            continue
        check_ending(option, path, endings)
        if path.resolve() == Path(options.source).resolve():
            msg = f"`{option}` must be another file than SOURCE, which it would replace, got {path}."
            raise ValueError(msg)
        was_there = path.exists()
        with writing(option, path), path.open("a", encoding="utf-8"):
            pass
        if not was_there:
            path.unlink()
    missing = [name for name in _REPORT_NEEDS if find_spec(name) is None]
    if options.html is not None and missing:
        msg = (
            f"`--html` must come with {' and '.join(missing)} installed, got {options.html}. "
            'Run `pip install "lightning-imbalance[plots]"`.'
        )
        raise ModuleNotFoundError(msg)


def _remedies(names: list[str]) -> list[str | Remedy]:
    found: list[str | Remedy] = []
    for name in names:
        if ":" not in name:
            found.append(name)
            continue
        remedy = import_object(name, "`remedies`")
        if not isinstance(remedy, Remedy):
            got = f"{name!r}, a {type(remedy).__name__}"
            msg = f"`remedies` must be names, or `package.module:name` of a Remedy, got {got}."
            raise TypeError(msg)
        found.append(remedy)
    return found


def _trainer(options: argparse.Namespace) -> dict[str, Any]:
    if options.accelerator == "gpu":
        from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

        if not (CUDAAccelerator.is_available() or MPSAccelerator.is_available()):
            msg = "`--accelerator` must be one that this machine has, got gpu, and torch finds none."
            raise ValueError(msg)
    given = {"accelerator": options.accelerator, "precision": options.precision}
    return {name: value for name, value in given.items() if value is not None}


def _write(found: Comparison, options: argparse.Namespace) -> tuple[dict[str, str], list[str]]:
    """Write all files; return their paths, and what a reader must know of those that are not there."""
    folder: Path = options.output
    files = {name: folder / f"comparison.{name}" for name in ("json", "csv")}
    found.to_json(files["json"])
    found.to_csv(files["csv"])
    if options.csv is not None:
        files["csv"] = options.csv
        found.to_csv(options.csv)
    notes = []
    try:
        files["html"] = folder / "report.html"
        found.to_html(files["html"], name=options.source, command=options.command_line)
        if options.html is not None:
            files["html"] = options.html
            found.to_html(options.html, name=options.source, command=options.command_line)
    except ModuleNotFoundError as error:
        del files["html"]
        notes.append(f"No HTML report: {error}")
    if found.checkpoint is not None:
        files["checkpoint"] = folder / "best.ckpt"
        copy = folder / ".best.ckpt"
        shutil.copyfile(found.checkpoint, copy)
        copy.replace(files["checkpoint"])  # whole or not there, also when the disk is full
    return {name: str(path.absolute()) for name, path in files.items()}, notes


def _about_the_checkpoint(found: Comparison, remedies: Sequence[str | Remedy]) -> list[str]:
    name = found.recommended or found.baseline
    known = {**NAMED, **{remedy.name: remedy for remedy in remedies if isinstance(remedy, Remedy)}}
    remedy = known[name]
    if remedy.of is None:
        return []
    said = f"The checkpoint holds a network of {remedy.of!r}: {name!r} trains none, and changes decisions afterwards."
    if remedy.decide_for is not None:
        said += f" Load it with `target_prior={remedy.decide_for!r}`."
    return [said]


def _print(found: Comparison, files: dict[str, str], notes: list[str]) -> None:
    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    console.print(found.table())
    say(found.verdict())
    for piece in pieces(found.figure_table(), console):
        console.print(piece)
    for note in found.notes:
        say(f"Note: {note}.")
    console.print()
    labels = {"checkpoint": "checkpoint", "html": "report", "csv": "figures", "json": "all of it"}
    for name, label in labels.items():
        if name in files:
            console.print(f"  {label:<10}  {files[name]}", highlight=False, markup=False, soft_wrap=True)
    for note in notes:
        say(note)
