"""What one writes without this package: the modules that the epochs of ``epoch.py`` are compared with.

They are written as Lightning's and torchmetrics' own tutorials are: ``self.log`` in each step, torchmetrics updated in
``validation_step``, one ``self.log`` a class at the end of the epoch.
"""

from __future__ import annotations

import lightning as L
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassF1Score, MulticlassRecall


class Handwritten(L.LightningModule):
    """A classifier with ``F.cross_entropy(weight=...)`` that logs ``train_loss`` and ``val_loss``.

    Args:
        model: Maps inputs to logits.
        weight: Class weights, shape ``(C,)``.
    """

    weight: Tensor

    def __init__(self, model: nn.Module, weight: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("weight", weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.model(inputs)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        del batch_idx
        inputs, target = batch
        loss = F.cross_entropy(self(inputs), target, weight=self.weight)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the loss of a batch."""
        del batch_idx
        inputs, target = batch
        logits = self(inputs)
        self.log("val_loss", F.cross_entropy(logits, target, weight=self.weight))
        self.observe(logits, target)

    def observe(self, logits: Tensor, target: Tensor) -> None:
        """Update metrics, where there are some."""

    def configure_optimizers(self) -> Optimizer:
        """Return the optimizer that WeightedClassifier has by default."""
        return AdamW(self.parameters())


class HandwrittenWithMetrics(Handwritten):
    """The same with a collection of torchmetrics: recall of each class, their mean and minimum, and macro F1.

    Args:
        model: Maps inputs to logits.
        weight: Class weights, shape ``(C,)``.
        validate_args: torchmetrics' own default is True.
    """

    def __init__(self, model: nn.Module, weight: Tensor, *, validate_args: bool = True) -> None:
        super().__init__(model, weight)
        num_classes = len(weight)
        self.metrics = MetricCollection(
            {
                "recall": MulticlassRecall(num_classes, average="none", validate_args=validate_args),
                "balanced_accuracy": MulticlassRecall(num_classes, average="macro", validate_args=validate_args),
                "macro_f1": MulticlassF1Score(num_classes, average="macro", validate_args=validate_args),
            }
        )

    def observe(self, logits: Tensor, target: Tensor) -> None:
        """Update the collection."""
        self.metrics.update(logits, target)

    def on_validation_epoch_end(self) -> None:
        """Log all figures and begin anew."""
        values = self.metrics.compute()
        recall = values["recall"]
        self.log("val_balanced_accuracy", values["balanced_accuracy"])
        self.log("val_macro_f1", values["macro_f1"])
        self.log("val_worst_class_recall", recall.min())
        for i, value in enumerate(recall):
            self.log(f"val_recall/{i}", value)
        self.metrics.reset()
