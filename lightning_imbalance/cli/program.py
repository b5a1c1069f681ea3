"""Commands, arguments and exit codes."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from lightning_imbalance.__about__ import __version__

FAILED, WRONG_USE, INTERRUPTED, TERMINATED = 1, 2, 130, 143


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Example:
        >>> parser().parse_args(["demo", "--epochs", "3"]).epochs
        3
    """
    program = argparse.ArgumentParser(
        prog="lightning-imbalance", description="See what class imbalance does to a classifier, and what helps."
    )
    program.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = program.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(
        commands.add_parser("demo", help="train with and without class weights, and compare every class's recall")
    )
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after the program's name; by default those it was started with.

    Returns:
        0, or 1 for a job that failed, 2 for wrong use, 130 after Ctrl-C, 143 after a SIGTERM.

    Example:
        >>> main(["demo", "--data", "/no/such/folder"])
        2
    """
    try:
        options = parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has said what was wrong
        return int(stop.code or 0)
    try:
        from lightning_imbalance.cli.demo import run_demo

        run_demo(options)
    except (KeyboardInterrupt, SystemExit) as stop:
        # Lightning turns a Ctrl-C into sys.exit(1) and a SIGTERM into a SystemExit without a code.
        interrupted = isinstance(stop, KeyboardInterrupt) or isinstance(stop.__context__, KeyboardInterrupt)
        print("lightning-imbalance: stopped before both models were trained.", file=sys.stderr)
        return INTERRUPTED if interrupted else TERMINATED
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        return _fail(error, WRONG_USE, debug=options.debug)
    except Exception as error:  # noqa: BLE001  # a program ends with a message, --debug shows the rest
        return _fail(error, FAILED, debug=options.debug)
    return 0


def _fail(error: Exception, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    print(f"lightning-imbalance: {error}", file=sys.stderr)
    return code


def _add_demo(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Train a small convolutional network twice, without and with class weights, and print the recall of each class "
        "side by side. By default on handwritten digits made long-tailed; with --data on a folder of your own images."
    )
    command.add_argument("--data", type=Path, metavar="PATH", help="folder of images, one folder a class")
    command.add_argument("--epochs", type=_positive(int), default=20, help="passes over the training data (20)")
    command.add_argument("--seed", type=_seed, default=0, help="seed of split, network and order (0)")
    command.add_argument(
        "--imbalance-ratio",
        type=_positive(float),
        help="thin the training data out until the largest class is this many times the smallest "
        "(20 for the digits; a folder stays as it is)",
    )
    command.add_argument("--weighting", default="balanced", help="weighting scheme of the second run (balanced)")
    command.add_argument(
        "--loss", default="cross_entropy", help="loss of both runs: cross_entropy, focal, ... (cross_entropy)"
    )
    command.add_argument("--batch-size", type=_positive(int), default=32, help="samples in a batch (32)")
    command.add_argument(
        "--image-size", type=_image_size, help="height and width to resize images of --data to, in pixels (64)"
    )
    command.add_argument("--workers", type=_natural, default=0, help="processes that load images (0)")
    command.add_argument(
        "--output",
        type=Path,
        default=Path("lightning-imbalance-demo"),
        metavar="DIR",
        help="where checkpoints and logs go (./lightning-imbalance-demo)",
    )
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _positive(kind: type[int | float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"
    return parse


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _image_size(text: str) -> int:
    value = int(text)
    if not 4 <= value <= 2048:
        raise ValueError
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise ValueError
    return value


_image_size.__name__ = "image size from 4 to 2048"
_natural.__name__ = "number from 0 on"
_seed.__name__ = "seed from 0 to 4294967295"
