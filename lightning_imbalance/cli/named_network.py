"""A network by what it is called on a command line."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

from torch import nn

from lightning_imbalance.sources import import_object

_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*")


@dataclass(frozen=True)
class NamedNetwork:
    """Makes a network of a number of classes, in this process and in others.

    Args:
        name: ``package.module.name`` or ``package.module:name`` of a class or a function. It gets the number of
            classes as ``num_classes`` where it has such an argument or passes arguments on (``**kwargs``), or else as
            its first one.

    Raises:
        TypeError: It cannot be given the number of classes, or needs more than that.
        ValueError: There is no such thing.

    Example:
        >>> from functools import partial
        >>> NamedNetwork("torchvision.models.squeezenet1_1")(5).num_classes
        5
    """

    name: str

    def __post_init__(self) -> None:
        self._made_by()

    def __call__(self, num_classes: int) -> nn.Module:
        """Return a new network."""
        make, keyword = self._made_by()
        network: nn.Module = make(**{keyword: num_classes}) if keyword else make(num_classes)
        return network

    def _made_by(self) -> tuple[Any, str | None]:
        """Return what makes the network, and the argument that is the number of classes; ``None`` for the first one."""
        module, _, name = self.name.rpartition(":" if ":" in self.name else ".")
        if not _NAME.fullmatch(self.name):
            msg = f"`model` must be `package.module.name` of a class or function, got {self.name!r}."
            raise ValueError(msg)
        make = import_object(f"{module}:{name}", "`model`")
        if not callable(make):
            msg = f"`model` must be a class or a function, got {self.name!r}, which is a {type(make).__name__}."
            raise TypeError(msg)
        parameters = inspect.signature(make).parameters.values()
        by_name = "num_classes" in {each.name for each in parameters}
        passed_on = any(each.kind is each.VAR_KEYWORD for each in parameters)
        by_place = [each.name for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
        keyword = "num_classes" if by_name or (passed_on and not _needed(parameters)) else None
        more = [each for each in _needed(parameters) if each != (keyword or next(iter(by_place), None))]
        if more or (keyword is None and not by_place):
            got = f"which needs {', '.join(map(repr, more))} too" if more else "which takes no argument for it"
            msg = f"`model` must need nothing but the number of classes, got {self.name!r}, {got}."
            raise TypeError(msg)
        return make, keyword


def _needed(parameters: Any) -> list[str]:
    various = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return [each.name for each in parameters if each.default is each.empty and each.kind not in various]
