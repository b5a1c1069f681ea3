"""The names of the classes, as a dataset tells them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence


def class_names(dataset: object) -> tuple[str, ...] | None:
    """Read the class names off the attributes ``classes`` and ``class_to_idx``.

    Where both are there and disagree about the order, ``class_to_idx`` is right: it made the labels.

    Args:
        dataset: A dataset; an entry of its ``classes`` may also be a tuple of synonyms, of which the first counts.

    Returns:
        The name of each index, or None where they are missing or do not fit each other.

    Example:
        >>> class Pets:
        ...     class_to_idx = {"dog": 1, "cat": 0}
        >>> class_names(Pets())
        ('cat', 'dog')
    """
    classes, index = getattr(dataset, "classes", None), getattr(dataset, "class_to_idx", None)
    listed = as_names(classes)
    if not isinstance(index, Mapping) or not index:
        return listed
    if listed is None:
        return _in_order(index)
    same_words = set(index) == set(listed)
    return _in_order(index) if same_words else listed


def as_names(entries: object) -> tuple[str, ...] | None:
    """Turn a list of names, or of tuples of synonyms, into distinct names.

    Args:
        entries: The entry of each class index.

    Returns:
        One name a class, or None where an entry is neither. A name that occurs twice gets its index.

    Example:
        >>> as_names([("crane", "bird"), ("crane", "machine"), "dog"])
        ('crane (0)', 'crane (1)', 'dog')
    """
    if isinstance(entries, (str, Mapping)) or not isinstance(entries, Iterable):
        return None
    names = [_first_word(entry) for entry in entries]
    known = [name for name in names if name is not None]
    if not known or len(known) != len(names):
        return None
    times = Counter(known)
    return tuple(f"{name} ({i})" if times[name] > 1 else name for i, name in enumerate(known))


def _first_word(entry: object) -> str | None:
    if isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) > 0:
        entry = entry[0]
    return str(entry) if isinstance(entry, str) else None


def _in_order(index: Mapping[object, object]) -> tuple[str, ...] | None:
    by_index = {position: name for name, position in index.items()}
    if set(by_index) != set(range(len(index))):
        return None
    return as_names([by_index[i] for i in range(len(index))])
