"""What is fitted on held-out logits after training, and applied to predictions alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_imbalance.callbacks.step_outputs import read_logits
from lightning_imbalance.counting import TASKS, Task
from lightning_imbalance.gathering import gathered
from lightning_imbalance.own_samples import loaders_at_work, own_entries, own_samples
from lightning_imbalance.synthesis.real_samples import require_real_samples


class PostHoc(L.Callback):
    """Collects validation logits, fits once, and stands in the module's ``posthoc`` while ``trainer.predict`` runs.

    It fits at the end of ``trainer.fit`` on the last validation, at the end of ``trainer.validate``, and before a
    checkpoint is saved that the last validation belongs to, so that the checkpoint holds what fits its weights. The
    sanity check, training batches and test data are never looked at. Several of them work in the order of the
    Trainer's callbacks: each is fitted on what those before it make of the logits.

    Each process keeps the logits of its validation samples on its device until the validation ends, so that no batch
    waits for a copy, and then in main memory until they are fitted on: N·C·4 bytes in float32 for N samples (dense
    targets: positions) of C classes, 200 MB for 50,000 samples of 1,000 classes. To fit, every process has those of
    all. For dense targets validate on fewer images: ``limit_val_batches``.

    What cannot be fitted does not end a fit that has trained for hours: a warning says why, and ``trainer.predict``
    raises it. ``trainer.validate`` raises it at once.

    Subclasses define :meth:`fit_on`, :meth:`parameters`, :meth:`take`, and :meth:`transform` where logits change.

    Args:
        dataloader_idx: The validation dataloader to fit on, where there are several.
        logits_key: Key of the logits in what ``validation_step`` returns.
        target_key: Key of the targets.

    Attributes:
        result: What was fitted, ``None`` before.

    Example:
        >>> class Doubled(PostHoc):
        ...     def transform(self, logits):
        ...         return 2 * logits
        >>> Doubled().transform(torch.tensor([1.0, 2.0]))
        tensor([2., 4.])
    """

    def __init__(self, *, dataloader_idx: int = 0, logits_key: str = "logits", target_key: str = "target") -> None:
        self.dataloader_idx = dataloader_idx
        self.logits_key = logits_key
        self.target_key = target_key
        self.result: Any = None
        self._batches: list[tuple[Tensor, Tensor]] = []
        self._pending = False
        self._step = -1
        self._refusal: str | None = None

    def fit_on(self, logits: Tensor, target: Tensor, task: Task, pl_module: L.LightningModule) -> None:
        """Fit on all held-out samples.

        Args:
            logits: ``(N, C)``, ``binary``: ``(N,)``; on the CPU.
            target: Class indices ``(N,)``, or 0 and 1 of the logits' shape.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
            pl_module: The module.

        Raises:
            ValueError: They cannot be fitted on.
        """
        raise NotImplementedError

    def parameters(self) -> dict[str, Any] | None:
        """Return what was fitted as tensors, numbers and lists; ``None`` before."""
        raise NotImplementedError

    def take(self, parameters: Mapping[str, Any]) -> None:
        """Take back what :meth:`parameters` gave."""
        raise NotImplementedError

    def transform(self, logits: Tensor) -> Tensor:
        """Return the logits that predictions are made of.

        Args:
            logits: ``(N, C, ...)``; ``binary``: ``(N, ...)``.

        Returns:
            Shape of the logits.
        """
        return logits

    def prepare(self, pl_module: L.LightningModule) -> None:
        """Read what :meth:`transform` needs of the module, which may have changed since the fit."""

    def state_dict(self) -> dict[str, Any]:
        """Return what was fitted, for the checkpoint."""
        return {"parameters": self.parameters()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back; a checkpoint from before the fit leaves what is here."""
        if state_dict["parameters"] is not None:
            self.take(state_dict["parameters"])
            self._refusal = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Forget what was fitted on another model; a fit that is resumed then takes it back from its checkpoint."""
        del trainer, pl_module
        if stage == "fit":
            self.result, self._refusal = None, None
            self._batches, self._pending, self._step = [], False, -1

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Forget the samples of the validation before; synthetic ones are refused."""
        del pl_module
        require_real_samples(loaders_at_work(trainer), "validation")
        self._batches = []
        self._pending = False

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch's logits and targets, on their device, so that nothing waits for it."""
        del batch
        if trainer.sanity_checking or dataloader_idx != self.dataloader_idx:
            return
        task = task_of(pl_module)
        logits, target = read_logits(outputs, task, self.logits_key, self.target_key)
        own = own_entries(len(target), own_samples(trainer, batch_idx, dataloader_idx))
        logits, target = logits[:own].detach(), target[:own].detach()
        if isinstance(getattr(pl_module, "posthoc", None), list):
            for transform in pl_module.posthoc:  # type: ignore[union-attr]  # the user's own
                logits = transform(logits)
        if task != "binary":
            logits = logits.movedim(1, -1).flatten(end_dim=-2)
        target = target.movedim(1, -1).flatten(end_dim=-2) if task == "multilabel" else target.flatten()
        self._batches.append((logits.flatten() if task == "binary" else logits, target))

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fit, if this was ``trainer.validate``; else move the samples off the device until the fit ends."""
        if trainer.sanity_checking:
            return
        if self._batches:
            # One after the other: joined on the device they would be there twice.
            logits, target = (torch.cat([part.cpu() for part in parts]) for parts in zip(*self._batches, strict=True))
            self._batches = [(logits, target)]
        # Only now: a checkpoint may be saved in the middle of a validation, on an exception.
        self._pending, self._step = True, trainer.global_step
        if trainer.state.fn == "validate":
            self._fit(trainer, pl_module)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Fit what the checkpoint's weights were just validated with, and put it in."""
        if self._pending and self._step == trainer.global_step:
            self._fit_or_warn(trainer, pl_module)
            checkpoint["callbacks"][self.state_key] = self.state_dict()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fit on the last validation."""
        if -1 < self._step != trainer.global_step:
            rank_zero_warn(
                f"{type(self).__name__} must be fitted on the logits of the final weights, got a last validation "
                f"{trainer.global_step - self._step} optimizer steps before the end. Run `trainer.validate` to fit it "
                "again."
            )
        self._fit_or_warn(trainer, pl_module)

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stand in the module's ``posthoc``."""
        del trainer
        name = type(self).__name__
        if self.parameters() is None:
            reason = f"got a fit that was refused: {self._refusal}" if self._refusal else "got none yet."
            way_out = "" if self._refusal else " Run `trainer.fit` with validation data, or `trainer.validate`, first."
            msg = f"{name} must be fitted before predictions, {reason}{way_out}"
            raise RuntimeError(msg)
        if not isinstance(getattr(pl_module, "posthoc", None), list):
            msg = (
                f"the module must apply the functions in its list `posthoc` to its logits in `predict_step`, as "
                f"WeightedClassifier does, got {type(pl_module).__name__} without one. Apply `{name}.transform` to "
                "its logits yourself."
            )
            raise TypeError(msg)
        self.prepare(pl_module)
        pl_module.posthoc.append(self.transform)  # type: ignore[union-attr, operator]  # a list, see above

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the module as it was."""
        del trainer
        self._leave(pl_module)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Leave the module as it was."""
        del trainer, exception
        self._leave(pl_module)

    def _leave(self, pl_module: L.LightningModule) -> None:
        transforms: Any = getattr(pl_module, "posthoc", None)
        if isinstance(transforms, list) and self.transform in transforms:
            transforms.remove(self.transform)

    def _fit_or_warn(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        try:
            self._fit(trainer, pl_module)
        except ValueError as error:
            if str(error) != self._refusal:
                rank_zero_warn(f"{type(self).__name__} is not fitted: {error}")
            self._refusal = str(error)

    def _fit(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not self._pending:
            return
        self._pending = False
        parts = [part for batches in gathered(self._batches, trainer.world_size) for part in batches]
        self._batches = []
        if not parts:
            msg = (
                f"there must be samples in validation dataloader {self.dataloader_idx}, got none. "
                "Pass another `dataloader_idx`."
            )
            raise ValueError(msg)
        logits, target = (torch.cat(each) for each in zip(*parts, strict=True))
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it
        for earlier in callbacks[: callbacks.index(self)]:
            if isinstance(earlier, PostHoc):
                if earlier.parameters() is None:
                    msg = f"{type(earlier).__name__}, which comes before, must be fitted first, got a refusal."
                    raise ValueError(msg)
                earlier.prepare(pl_module)
                logits = earlier.transform(logits)
        self.fit_on(logits, target, task_of(pl_module), pl_module)
        self._refusal = None


def task_of(pl_module: L.LightningModule) -> Task:
    """Return the module's task; another module's ``task`` may mean something else, and is multiclass.

    Args:
        pl_module: Any module.

    Returns:
        One of the three tasks.

    Example:
        >>> task_of(L.LightningModule())
        'multiclass'
    """
    task: Any = getattr(pl_module, "task", None)
    known: Task = task if task in TASKS else "multiclass"
    return known


def ignored_by(pl_module: L.LightningModule) -> int | None:
    """Return the module's ``ignore_index``, where it is one.

    Args:
        pl_module: Any module.

    Returns:
        The index, or ``None``.

    Example:
        >>> ignored_by(L.LightningModule())
    """
    value: Any = getattr(pl_module, "ignore_index", None)
    return value if isinstance(value, int) else None
