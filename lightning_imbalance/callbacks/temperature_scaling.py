"""Temperature scaling as a callback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning as L
from torch import Tensor

from lightning_imbalance.callbacks.posthoc import PostHoc, ignored_by
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.temperature import Temperature, fit_temperature, temperature_scaled


class TemperatureScaling(PostHoc):
    """Makes the probabilities of ``trainer.predict`` as sure as the model is right on the validation data.

    The formula and its source are those of :func:`lightning_imbalance.functional.fit_temperature`. It is fitted once,
    at the end of ``trainer.fit`` or ``trainer.validate``, see :class:`~lightning_imbalance.callbacks.posthoc.PostHoc`.
    What is fitted on imbalanced validation data makes the probabilities right under their class prior; under another
    one they are not (arXiv 2304.06537).

    Args:
        per_class_bias: Fit a bias for each class too. It may change which class is predicted.
        max_iter: Most iterations of L-BFGS.
        dataloader_idx: The validation dataloader to fit on, where there are several.
        logits_key: Key of the logits in what ``validation_step`` returns.
        target_key: Key of the targets.

    Attributes:
        result: The :class:`~lightning_imbalance.functional.Temperature`, ``None`` before the fit.

    Raises:
        ValueError: ``max_iter`` is below 1.

    Example:
        >>> import torch, lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance import WeightedClassifier
        >>> logits = torch.tensor([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
        >>> data = TensorDataset(logits, torch.tensor([0, 0, 1, 1]))
        >>> scaling = TemperatureScaling()
        >>> trainer = L.Trainer(callbacks=[scaling], logger=False, enable_progress_bar=False, accelerator="cpu")
        >>> model = WeightedClassifier(torch.nn.Identity(), num_classes=2)
        >>> _ = trainer.validate(model, DataLoader(data, batch_size=2), verbose=False)
        >>> trainer.predict(model, DataLoader(logits[:1]))
        [tensor([[0.7500, 0.2500]])]
    """

    def __init__(
        self,
        *,
        per_class_bias: bool = False,
        max_iter: int = 200,
        dataloader_idx: int = 0,
        logits_key: str = "logits",
        target_key: str = "target",
    ) -> None:
        super().__init__(dataloader_idx=dataloader_idx, logits_key=logits_key, target_key=target_key)
        if max_iter < 1:
            msg = f"`max_iter` must be at least 1, got {max_iter}."
            raise ValueError(msg)
        self.per_class_bias = per_class_bias
        self.max_iter = max_iter

    def fit_on(self, logits: Tensor, target: Tensor, task: Task, pl_module: L.LightningModule) -> None:
        """Fit the temperature."""
        self.result = fit_temperature(
            logits,
            target,
            task,
            per_class_bias=self.per_class_bias,
            ignore_index=ignored_by(pl_module),
            max_iter=self.max_iter,
        )

    def parameters(self) -> dict[str, Any] | None:
        """Return the fields of :attr:`result`."""
        return None if self.result is None else self.result._asdict()

    def take(self, parameters: Mapping[str, Any]) -> None:
        """Take them back."""
        self.result = Temperature(**parameters)

    def transform(self, logits: Tensor) -> Tensor:
        """Return z / T + b."""
        return temperature_scaled(logits, self.result.temperature, self.result.bias)
