"""Files that an option names: a message where one cannot be written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def check_ending(option: str, path: Path, endings: Sequence[str]) -> None:
    """Refuse a file whose ending does not say what to write.

    Args:
        option: The option, for the message.
        path: What it was given.
        endings: The endings that can be written.

    Raises:
        ValueError: The file has another ending.

    Example:
        >>> check_ending("--plot", Path("counts.PNG"), [".png", ".svg"])
    """
    if path.suffix.lower() not in endings:
        *others, last = endings
        said = f"{', '.join(others)} or {last}" if others else last
        msg = f"`{option}` must be a file that ends in {said}, got {path}."
        raise ValueError(msg)


@contextmanager
def writing(option: str, path: Path) -> Iterator[None]:
    """Say of a file that cannot be written which option named it.

    Args:
        option: The option, for the message.
        path: What it was given.

    Raises:
        ValueError: The file cannot be written.

    Example:
        >>> with writing("--html", Path("report.html")):
        ...     raise PermissionError(13, "Permission denied")
        Traceback (most recent call last):
        ...
        ValueError: `--html` must be a file that can be written, got report.html (Permission denied). Name another one.
    """
    try:
        yield
    except OSError as error:
        msg = f"`{option}` must be a file that can be written, got {path} ({error.strerror}). Name another one."
        raise ValueError(msg) from error
