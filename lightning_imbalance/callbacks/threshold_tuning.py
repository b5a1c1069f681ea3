"""Tuned decisions as a callback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L
from torch import Tensor

from lightning_imbalance.callbacks.posthoc import PostHoc, ignored_by, task_of
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.class_offsets import best_offsets, decide_by_offsets
from lightning_imbalance.functional.logits import probabilities
from lightning_imbalance.functional.thresholds import Metric, best_thresholds, decide_by_thresholds


class ThresholdTuning(PostHoc):
    """Finds on the validation data from which probability on the answer is yes, or how much each class is favoured.

    For ``binary`` and ``multilabel`` a threshold a label, see
    :func:`lightning_imbalance.functional.best_thresholds`; for ``multiclass`` an offset a class, see
    :func:`lightning_imbalance.functional.best_offsets`. It is fitted once, at the end of ``trainer.fit`` or
    ``trainer.validate``, see :class:`~lightning_imbalance.callbacks.posthoc.PostHoc`.

    ``trainer.predict`` gives the same probabilities with it and without: a threshold is no probability.
    :meth:`decide` makes decisions of them. List it after the callbacks that change probabilities, such as
    TemperatureScaling: it is tuned on what those before it give.

    Args:
        metric: ``"balanced_accuracy"``; for ``binary`` and ``multilabel`` also ``"f1"``, or a function ``(tp, fp, fn,
            tn) -> figure`` of four int64 tensors with one entry a cut.
        min_samples: Validation samples that each class must have, for ``multilabel`` positives and negatives of each
            label.
        force: Tune on fewer all the same.
        dataloader_idx: The validation dataloader to tune on, where there are several.
        logits_key: Key of the logits in what ``validation_step`` returns.
        target_key: Key of the targets.

    Attributes:
        result: Thresholds or offsets, shape ``(C,)`` (``binary``: ``(1,)``), float64; ``None`` before the fit.

    Raises:
        ValueError: ``metric`` is unknown, or not ``"balanced_accuracy"`` for a multiclass module.

    Example:
        >>> import torch, lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance import WeightedClassifier
        >>> logits = torch.tensor([-4.0, -3.0, -2.0, -1.0])
        >>> tuning = ThresholdTuning(force=True)
        >>> trainer = L.Trainer(callbacks=[tuning], logger=False, enable_progress_bar=False, accelerator="cpu")
        >>> model = WeightedClassifier(torch.nn.Identity(), task="binary")
        >>> data = TensorDataset(logits, torch.tensor([0, 0, 1, 1]))
        >>> _ = trainer.validate(model, DataLoader(data, batch_size=2), verbose=False)
        >>> [probabilities] = trainer.predict(model, DataLoader(logits, batch_size=4))
        >>> tuning.decide(probabilities)
        tensor([0, 0, 1, 1])
    """

    def __init__(
        self,
        metric: Metric = "balanced_accuracy",
        *,
        min_samples: int = 50,
        force: bool = False,
        dataloader_idx: int = 0,
        logits_key: str = "logits",
        target_key: str = "target",
    ) -> None:
        super().__init__(dataloader_idx=dataloader_idx, logits_key=logits_key, target_key=target_key)
        if metric not in ("balanced_accuracy", "f1") and not callable(metric):
            msg = f"`metric` must be 'balanced_accuracy', 'f1' or a function of tp, fp, fn and tn, got {metric!r}."
            raise ValueError(msg)
        self.metric = metric
        self.min_samples = min_samples
        self.force = force
        self.task: Task | None = None

    def decide(self, probabilities: Tensor) -> Tensor:
        """Return the decisions of probabilities that ``trainer.predict`` gave.

        Args:
            probabilities: ``multiclass`` and ``multilabel``: ``(N, C, ...)``. ``binary``: ``(N, ...)``.

        Returns:
            ``multiclass``: class indices ``(N, ...)``. Else 0 and 1 of the shape of the probabilities. int64.

        Raises:
            RuntimeError: Nothing was tuned yet.
        """
        if self.result is None:
            reason = f"got a fit that was refused: {self._refusal}" if self._refusal else "got none yet."
            msg = f"ThresholdTuning must be fitted before decisions, {reason}"
            raise RuntimeError(msg)
        by = decide_by_offsets if self.task == "multiclass" else decide_by_thresholds
        return by(probabilities, self.result)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse a metric that has no search, before anything is trained."""
        super().setup(trainer, pl_module, stage)
        if task_of(pl_module) == "multiclass" and self.metric != "balanced_accuracy":
            msg = f"`metric` must be 'balanced_accuracy' for a multiclass module, got {self.metric!r}."
            raise ValueError(msg)

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the probabilities as they are."""

    def fit_on(self, logits: Tensor, target: Tensor, task: Task, pl_module: L.LightningModule) -> None:
        """Tune on the probabilities that ``predict_step`` would give."""
        names: Any = getattr(pl_module, "class_names", None)
        options: dict[str, Any] = {
            "min_samples": self.min_samples,
            "force": self.force,
            "ignore_index": ignored_by(pl_module),
            "class_names": names if isinstance(names, (list, tuple)) else None,
        }
        given = probabilities(logits, task)
        self.task = task
        if task == "multiclass":
            self.result = best_offsets(given, target, **options)
        else:
            self.result = best_thresholds(given, target, task, metric=self.metric, **options)

    def parameters(self) -> dict[str, Any] | None:
        """Return the task and :attr:`result`."""
        return None if self.result is None else {"task": self.task, "values": self.result}

    def take(self, parameters: Mapping[str, Any]) -> None:
        """Take them back."""
        self.task, self.result = parameters["task"], parameters["values"]
