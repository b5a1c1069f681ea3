"""Names for the classes of a module that may have none."""

from __future__ import annotations

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution


def usable_names(names: object, num_classes: int, task: Task) -> tuple[str, ...]:
    """Return names where they fit the classes, else those that a distribution without names has.

    Args:
        names: What a module calls ``class_names``; another module may mean something else by it.
        num_classes: Number of classes.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        One name a class, all different.

    Example:
        >>> usable_names(["cat", "dog"], 3, "multiclass")
        ('0', '1', '2')
    """
    usable = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
    if not isinstance(names, (list, tuple)) or not usable or len(set(names)) != num_classes:
        return ClassDistribution([1] * num_classes, task=task, num_samples=num_classes).class_names
    return tuple(names)
