"""Measure one trained model, print what it finds, and write it as a page."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning as L
from rich.console import Console
from torch import Tensor

from lightning_imbalance.cli.narrow import pieces
from lightning_imbalance.cli.output_files import check_ending, writing
from lightning_imbalance.cli.saved_data import SavedData, data_of
from lightning_imbalance.cli.saved_model import model_of
from lightning_imbalance.cli.saved_run import SavedRun, find_run, read_checkpoint
from lightning_imbalance.drawing import require_matplotlib
from lightning_imbalance.labels import training_loader, unpack_batch
from lightning_imbalance.quiet import quiet
from lightning_imbalance.reports.model_report import ModelReport, model_report
from lightning_imbalance.reports.training_log import TrainingLog, read_training_log

_PAGE = "report.html"
_PAGES = (".html", ".htm")
_WORDS = {"root": "--data", "source": "--data", "path": "--data", "target": "--target", "model": "--model"}


def run_report(options: argparse.Namespace) -> None:
    """Load, measure, print and write.

    Args:
        options: What ``lightning-imbalance report`` was called with.

    Raises:
        ModuleNotFoundError: A library is not installed that the data or the page need.
        TypeError: The data or ``--model`` are something else than they must be.
        ValueError: There is no such run, its model cannot be loaded, or the data do not fit it.
    """
    run = find_run(options.saved)
    page = _page(options, run)
    checkpoint = read_checkpoint(run.checkpoint)
    console = Console()
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    with _in_words_of_the_command_line():
        with quiet():
            data = data_of(run, options.data, options.target)
        saved = model_of(run, checkpoint, options.model, lambda: _shape(data.datamodule))
        report = model_report(
            saved.model,
            data.datamodule,
            options.part,
            log=_log(run, saved.model.class_names or ()),
            notices=(*saved.notices, *data.notices),
            lost_loss=saved.lost_loss,
            trained_with=saved.trained_with,
            location=str(options.saved),
            command=_command(options),
            fit_command=_fit_command(run),
            progress=console.is_terminal and not options.json,
        )
    if page is not None:
        with writing("--html", page):
            report.write(page)
    if options.json:
        print(json.dumps({**report.to_dict(), "page": None if page is None else str(page)}, indent=2, allow_nan=False))
    else:
        _print(console, report, data, page)


@contextmanager
def _in_words_of_the_command_line() -> Iterator[None]:
    """Give arguments the names of options: data and networks are made by what speaks of its arguments."""
    try:
        yield
    except (ValueError, TypeError) as error:
        named = str(error)
        for argument, words in _WORDS.items():
            named = named.replace(f"`{argument}`", f"`{words}`")
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(named) from error


def _page(options: argparse.Namespace, run: SavedRun) -> Path | None:
    """Return where the page goes; refuse what cannot be written before anything is measured."""
    if options.html is None and options.json:
        return None
    require_matplotlib("report")
    page: Path = run.folder / _PAGE if options.html is None else options.html
    check_ending("--html", page, _PAGES)
    folder = page.parent
    if page.is_dir() or not folder.is_dir() or not os.access(page if page.exists() else folder, os.W_OK):
        msg = f"`--html` must be a file that can be written, got {page}. Name another one."
        raise ValueError(msg)
    return page


def _shape(datamodule: L.LightningDataModule) -> tuple[int, ...]:
    """Return the shape of one input."""
    with quiet():
        loader = training_loader(datamodule)
        one_is_at_hand = hasattr(type(loader.dataset), "__getitem__") and loader.batch_size is not None
        inputs, _ = unpack_batch(loader.collate_fn([loader.dataset[0]]) if one_is_at_hand else next(iter(loader)))
    if not isinstance(inputs, Tensor):
        msg = f"`--model` must be given unless the inputs are one tensor, got inputs of type {type(inputs).__name__}."
        raise TypeError(msg)
    return tuple(inputs.shape[1:])


def _log(run: SavedRun, names: tuple[str, ...]) -> TrainingLog | None:
    return None if run.log is None else read_training_log(run.log, names)


def _command(options: argparse.Namespace) -> str:
    words = ["lightning-imbalance", "report", str(options.saved)]
    for name in ("data", "target", "part", "model", "html"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name}", str(value)]
    return shlex.join(words)


def _fit_command(run: SavedRun) -> str | None:
    if run.config is None:
        return None
    return shlex.join(["lightning-imbalance", "fit", "--config", str(run.folder / "config.yaml")])


def _print(console: Console, report: ModelReport, data: SavedData, page: Path | None) -> None:
    def say(text: str, *, fold: bool = True) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=not fold)

    for piece in pieces(report.table(), console):
        console.print(piece)
    say(report.verdict())
    for notice in report.notices:
        console.print()
        say(f"Notice: {notice}")
    console.print()
    console.print(report.figure_table())
    say(f"data  {data.location}", fold=False)
    if page is not None:
        say(f"page  {page.absolute()}", fold=False)
