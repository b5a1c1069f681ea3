"""Readers that users give for their own types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

Reader = Callable[[Any], Any]
R = TypeVar("R", bound=Reader)

_readers: dict[type, Reader] = {}


@overload
def register(type_: type) -> Callable[[R], R]: ...
@overload
def register(type_: type, reader: Reader) -> None: ...
def register(type_: type, reader: Reader | None = None) -> Callable[[R], R] | None:
    """Say how the labels of a type of dataset are read. Such a reader wins over every other way.

    Args:
        type_: The class of the dataset; the reader serves its subclasses too, unless they have their own.
        reader: A function from the dataset to its final labels, one a sample: a :class:`Labels`, or a tensor, array
            or list. It may return None where only a scan can tell. Left out, ``register`` is a decorator.

    Returns:
        None, or the decorator.

    Raises:
        TypeError: ``type_`` is no class or ``reader`` cannot be called.

    Example:
        >>> class Beans:
        ...     kinds = [0, 2, 1]
        >>> @register(Beans)
        ... def kinds_of_beans(beans):
        ...     return beans.kinds
        >>> reader_of(Beans())(Beans())
        [0, 2, 1]
    """
    if not isinstance(type_, type):
        msg = f"`type_` must be a class, got {type_!r}."
        raise TypeError(msg)
    if reader is None:

        def decorate(function: R) -> R:
            register(type_, function)
            return function

        return decorate
    if not callable(reader):
        msg = f"`reader` must be a function from a {type_.__name__} to its labels, got {reader!r}."
        raise TypeError(msg)
    _readers[type_] = reader
    return None


def reader_of(dataset: object) -> Reader | None:
    """Find the reader registered for the nearest class of a dataset.

    Args:
        dataset: Any object.

    Returns:
        The reader, or None.

    Example:
        >>> reader_of(object()) is None
        True
    """
    return next((_readers[cls] for cls in type(dataset).__mro__ if cls in _readers), None)
