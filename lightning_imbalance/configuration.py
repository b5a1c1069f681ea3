"""Objects of this package as plain mappings, in the form that LightningCLI writes, and back.

A checkpoint that is read with ``weights_only=True`` holds strings and numbers, no objects.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

Known = Mapping[str, type]


def to_config(value: object, known: Known) -> dict[str, Any] | None:
    """Return an object's class and arguments; ``None`` for one of another class.

    Args:
        value: An object that keeps each argument of its constructor in an attribute of the same name.
        known: The classes by the path that names them.

    Returns:
        The keys ``class_path`` and ``init_args``.

    Example:
        >>> from fractions import Fraction
        >>> to_config(1.5, {"fractions.Fraction": Fraction}) is None
        True
    """
    path = next((path for path, cls in known.items() if type(value) is cls), None)
    if path is None:
        return None
    return {
        "class_path": path,
        "init_args": {name: getattr(value, name) for name in inspect.signature(type(value)).parameters},
    }


def is_config(value: object) -> bool:
    """Say whether a value has the form that :func:`to_config` returns.

    Example:
        >>> is_config({"class_path": "a.B", "init_args": {"c": 1}}), is_config({"cat": 1.0, "dog": 2.0})
        (True, False)
    """
    return isinstance(value, Mapping) and "class_path" in value and set(value) <= {"class_path", "init_args"}


def from_config(value: Mapping[str, Any], known: Known) -> Any:
    """Build the object; nothing is imported, so that a checkpoint runs no code of its own.

    Args:
        value: What :func:`to_config` returned, or a user wrote in a file.
        known: The classes by the path that names them.

    Returns:
        The object.

    Raises:
        ValueError: The path names none of the classes.
        TypeError: An argument is unknown.

    Example:
        >>> from fractions import Fraction
        >>> known = {"fractions.Fraction": Fraction}
        >>> from_config({"class_path": "fractions.Fraction", "init_args": {"numerator": 3}}, known)
        Fraction(3, 1)
    """
    path = value["class_path"]
    if path not in known:
        msg = f"`class_path` must be one of {', '.join(map(repr, known))}, got {path!r}."
        raise ValueError(msg)
    return known[path](**value.get("init_args", {}))


def loggable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in a form in which every experiment logger takes them.

    Loggers make a parameter of each entry of a nested mapping, and MLflow refuses one whose name has a bracket in it,
    as names of classes may. So a mapping that goes by class name is one text.

    Args:
        settings: Strings, numbers, lists and mappings by name.

    Returns:
        The same, with mappings other than those of :func:`to_config` as JSON.

    Example:
        >>> loggable({"loss": "focal", "weighting": {"cat (wild)": 2.0, "dog": 1.0}})
        {'loss': 'focal', 'weighting': '{"cat (wild)": 2.0, "dog": 1.0}'}
    """
    named = {key for key, value in settings.items() if isinstance(value, Mapping) and not is_config(value)}
    return {
        key: json.dumps(dict(value), ensure_ascii=False) if key in named else value for key, value in settings.items()
    }
