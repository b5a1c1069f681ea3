"""Arguments of samplers, checked when one is made."""

from __future__ import annotations

from numbers import Integral


def checked_flag(name: str, value: object) -> bool:
    """Return a choice between yes and no after checking that it is one.

    Args:
        name: The argument's name.
        value: What was given.

    Returns:
        The choice.

    Raises:
        TypeError: It is neither.

    Example:
        >>> checked_flag("drop_last", True)
        True
    """
    if not isinstance(value, bool):
        msg = f"`{name}` must be True or False, got {value!r}."
        raise TypeError(msg)
    return value


def checked_seed(seed: object) -> int:
    """Return a seed after checking that it is an integer of 64 bits, as for ``torch.manual_seed``.

    Args:
        seed: What was given.

    Returns:
        The integer.

    Raises:
        TypeError: It is no integer.
        ValueError: It has more than 64 bits.

    Example:
        >>> checked_seed(-1)
        -1
    """
    number = checked_integer("seed", seed, least=None)
    if not -(2**63) <= number < 2**64:
        msg = f"`seed` must be an integer of at most 64 bits, got {number}."
        raise ValueError(msg)
    return number


def checked_integer(name: str, value: object, least: int | None = 1) -> int:
    """Return an integer of Python after checking that it is one, and large enough.

    Args:
        name: The argument's name.
        value: What was given.
        least: The smallest value that works, ``None`` for any.

    Returns:
        The integer.

    Raises:
        TypeError: It is no integer.
        ValueError: It is too small.

    Example:
        >>> checked_integer("num_samples", 3)
        3
    """
    from_on = "" if least is None else f" from {least} on"
    if isinstance(value, bool) or not isinstance(value, Integral):
        msg = f"`{name}` must be an integer{from_on}, got {value!r}."
        raise TypeError(msg)
    if least is not None and value < least:
        msg = f"`{name}` must be an integer{from_on}, got {value!r}."
        raise ValueError(msg)
    return int(value)
