"""What a number that a loss or a transform is made with may be."""

from __future__ import annotations

import math


def not_negative(name: str, value: float) -> float:
    """Return ``value`` if it is a finite number from 0 on.

    Args:
        name: Of the argument, for the message.
        value: What a user gave.

    Returns:
        The same.

    Raises:
        ValueError: It is not.

    Example:
        >>> not_negative("gamma", -1)
        Traceback (most recent call last):
        ValueError: `gamma` must be a finite number from 0 on, got -1.
    """
    if not (_is_number(value) and 0 <= value < math.inf):
        msg = f"`{name}` must be a finite number from 0 on, got {value!r}."
        raise ValueError(msg)
    return value


def positive(name: str, value: float) -> float:
    """Return ``value`` if it is a finite number above 0.

    Args:
        name: Of the argument, for the message.
        value: What a user gave.

    Returns:
        The same.

    Raises:
        ValueError: It is not.

    Example:
        >>> positive("scale", 0)
        Traceback (most recent call last):
        ValueError: `scale` must be a finite number above 0, got 0.
    """
    if not (_is_number(value) and 0 < value < math.inf):
        msg = f"`{name}` must be a finite number above 0, got {value!r}."
        raise ValueError(msg)
    return value


def at_least_one(name: str, value: float) -> float:
    """Return ``value`` if it is a finite number from 1 on.

    Args:
        name: Of the argument, for the message.
        value: What a user gave.

    Returns:
        The same.

    Raises:
        ValueError: It is not.

    Example:
        >>> at_least_one("kappa", 0.5)
        Traceback (most recent call last):
        ValueError: `kappa` must be a finite number from 1 on, got 0.5.
    """
    if not (_is_number(value) and 1 <= value < math.inf):
        msg = f"`{name}` must be a finite number from 1 on, got {value!r}."
        raise ValueError(msg)
    return value


def whole(name: str, value: int, least: int = 0) -> int:
    """Return ``value`` if it is an integer from ``least`` on.

    Args:
        name: Of the argument, for the message.
        value: What a user gave.
        least: The smallest that is allowed.

    Returns:
        The same.

    Raises:
        ValueError: It is not.

    Example:
        >>> whole("skip_first", -1)
        Traceback (most recent call last):
        ValueError: `skip_first` must be an integer from 0 on, got -1.
    """
    if type(value) is not int or value < least:  # a bool is an int to isinstance
        msg = f"`{name}` must be an integer from {least} on, got {value!r}."
        raise ValueError(msg)
    return value


def share(name: str, value: float) -> float:
    """Return ``value`` if it is a number from 0 to 1.

    Args:
        name: Of the argument, for the message.
        value: What a user gave.

    Returns:
        The same.

    Raises:
        ValueError: It is not.

    Example:
        >>> share("head", 30)
        Traceback (most recent call last):
        ValueError: `head` must be between 0 and 1, got 30.
    """
    if not (_is_number(value) and 0 <= value <= 1):
        msg = f"`{name}` must be between 0 and 1, got {value!r}."
        raise ValueError(msg)
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
