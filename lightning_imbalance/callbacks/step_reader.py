"""What a monitor is told about where the logits are, and the logits of each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as L
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from lightning_imbalance.callbacks.step_outputs import (
    StepOutput,
    read_extracted,
    read_step_output,
    target_in_batch,
)
from lightning_imbalance.counting import Task
from lightning_imbalance.network_call import logits_of

Extract = Callable[[Any, Any], tuple[Tensor, Tensor]]

DEFAULT_KEYS = ("logits", "preds", "target")


class StepReader:
    """Reads predictions and targets of a step: out of what it returned, or out of a module that it called.

    Args:
        keys: Keys of logits, predictions and targets in what a step returns.
        extract: A function of outputs and batch that finds them.
        logits_from: Name of the submodule whose output are the logits.

    Raises:
        TypeError: ``extract`` is no function.
        ValueError: Arguments exclude each other, or ``logits_from`` is empty.

    Example:
        >>> import torch
        >>> reader = StepReader(DEFAULT_KEYS, None, None)
        >>> outputs = {"logits": torch.eye(2), "target": torch.tensor([0, 0])}
        >>> reader.read(outputs, None, "multiclass").are_logits
        True
    """

    def __init__(self, keys: tuple[str, str, str], extract: Extract | None, logits_from: str | None) -> None:
        if extract is not None and not callable(extract):
            msg = f"`extract` must be a function of outputs and batch, got {extract!r}."
            raise TypeError(msg)
        if logits_from == "":
            msg = "`logits_from` must be the name of a submodule, such as 'model', got ''."
            raise ValueError(msg)
        if extract is not None and keys != DEFAULT_KEYS:
            msg = "`logits_key`, `preds_key` and `target_key` must be left out with `extract`, got both."
            raise ValueError(msg)
        if logits_from is not None and (extract is not None or keys[:2] != DEFAULT_KEYS[:2]):
            msg = "`extract`, `logits_key` and `preds_key` must be left out with `logits_from`, got both."
            raise ValueError(msg)
        self.keys = keys
        self.extract = extract
        self.logits_from = logits_from
        self._handle: RemovableHandle | None = None
        self._logits: Any = None

    def watch(self, pl_module: L.LightningModule) -> None:
        """Begin to keep what the submodule returns.

        Args:
            pl_module: The module whose steps are read.

        Raises:
            ValueError: It has no such submodule.
        """
        self.unwatch()
        if self.logits_from is None:
            return
        modules = dict(pl_module.named_modules())
        if self.logits_from not in modules:
            names = ", ".join(repr(name) for name, _ in pl_module.named_children()) or "none"
            msg = (
                f"`logits_from` must name a submodule of {type(pl_module).__name__} ({names}; dots lead further), got "
                f"{self.logits_from!r}."
            )
            raise ValueError(msg)
        self._handle = modules[self.logits_from].register_forward_hook(self._keep)

    def unwatch(self) -> None:
        """Leave the module as it was."""
        if self._handle is not None:
            self._handle.remove()
        self._handle, self._logits = None, None

    def forget(self) -> None:
        """Forget what was returned to a step that nobody has read."""
        self._logits = None

    def read(self, outputs: Any, batch: Any, task: Task) -> StepOutput:
        """Return predictions and targets of a step.

        Args:
            outputs: What the step returned.
            batch: What it was given.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

        Returns:
            Predictions and targets.

        Raises:
            TypeError: Something has another type than it must.
            ValueError: Something is missing, or logits and targets do not fit.
        """
        if self.extract is not None:
            return read_extracted(self.extract(outputs, batch), task)
        if self.logits_from is None:
            return read_step_output(outputs, batch, task, *self.keys)
        logits, self._logits = self._logits, None
        if logits is None:
            name = self.logits_from
            msg = f"the step must call the submodule that `logits_from` names, got {name!r}, which it did not."
            raise ValueError(msg)
        target = target_in_batch(batch, self.keys[2])
        return read_step_output({"logits": logits, "target": target}, batch, task, *DEFAULT_KEYS)

    def _keep(self, module: nn.Module, inputs: Any, output: Any) -> None:
        del module, inputs
        logits = logits_of(output)
        self._logits = logits.detach() if isinstance(logits, Tensor) else logits

    def __getstate__(self) -> dict[str, Any]:
        # A copy, or the monitor in another process, watches nothing until it is set up.
        return self.__dict__ | {"_handle": None, "_logits": None}
