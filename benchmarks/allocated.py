"""How much torch allocates and moves on the CPU: counted and not sampled, so that it is the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_ONLY_WRITTEN = ("copy_", "fill_", "zero_")


def peak_bytes(step: Callable[[], object]) -> int:
    """Return the most that torch had allocated at a time during a step, beyond what was there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        step()
    events = [event for event in profiled.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = highest = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        highest = max(highest, held)
    return highest


def moved_bytes(step: Callable[[], object]) -> int:
    """Return what all operations of a step read and write, each tensor once an operation, whatever a cache spares."""
    with _Moved() as moved:
        step()
    return moved.bytes


class _Moved(TorchDispatchMode):
    bytes = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        aliases = [returned.alias_info for returned in function._schema.returns]  # noqa: SLF001  # no other way to tell a view
        is_view = any(alias is not None and not alias.is_write for alias in aliases)
        if not is_view and "empty" not in name:
            read = tree_leaves((args[name in _ONLY_WRITTEN :], kwargs))
            self.bytes += sum(map(_bytes, (*read, *tree_leaves(result))))
        return result


def _bytes(value: object) -> int:
    # An expanded tensor is one number that is read often.
    return min(value.nbytes, value.untyped_storage().nbytes()) if isinstance(value, Tensor) else 0
