"""Commands and exit codes."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module

from lightning_imbalance.cli.arguments import parser

FAILED, WRONG_USE, INTERRUPTED, TERMINATED = 1, 2, 130, 143


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
    for stream in (sys.stdout, sys.stderr):
        # A class may be called what the terminal cannot show; what does not fit is written as Python writes it.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has said what was wrong
        return int(stop.code or 0)
    words = sys.argv[1:] if arguments is None else arguments
    options.command_line = shlex.join(["lightning-imbalance", *words])
    try:
        _runner(options.run)(options)
        sys.stdout.flush()
    except (KeyboardInterrupt, SystemExit) as stop:
        return _stopped(stop, options.stopped)
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` has. What is left to write must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ValueError, TypeError, ModuleNotFoundError) as error:
        return _fail(error, WRONG_USE, debug=_wants_traceback(options))
    except Exception as error:  # noqa: BLE001  # a program ends with a message, --debug shows the rest
        return _fail(error, FAILED, debug=_wants_traceback(options))
    return 0


def _runner(path: str) -> Callable[[argparse.Namespace], None]:
    module, _, name = path.partition(":")
    runner: Callable[[argparse.Namespace], None] = getattr(import_module(module), name)
    return runner


def _stopped(stop: BaseException, before: str) -> int:
    # Lightning turns a Ctrl-C into sys.exit(1) and a SIGTERM into a SystemExit without a code.
    interrupted = isinstance(stop, KeyboardInterrupt) or isinstance(stop.__context__, KeyboardInterrupt)
    if not interrupted and isinstance(stop, SystemExit) and isinstance(stop.code, int):
        return stop.code  # LightningCLI's parser has said what was wrong, or printed its help
    print(f"lightning-imbalance: stopped before {before}.", file=sys.stderr)
    return INTERRUPTED if interrupted else TERMINATED


def _wants_traceback(options: argparse.Namespace) -> bool:
    return bool(getattr(options, "debug", False)) or "--debug" in getattr(options, "arguments", ())


def _fail(error: Exception, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    print(f"lightning-imbalance: {error}", file=sys.stderr)
    return code
