"""τ-normalization of the last layer as a callback."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Literal

import lightning as L
import torch
from torch import Tensor, nn

from lightning_imbalance.callbacks.heads import find_head
from lightning_imbalance.callbacks.posthoc import PostHoc, ignored_by, task_of
from lightning_imbalance.counting import Task
from lightning_imbalance.functional.logits import full_precision
from lightning_imbalance.functional.tau_normalized import TAUS, best_tau, tau_factors
from lightning_imbalance.functional.true_class import along_classes


class TauNormalization(PostHoc):
    r"""Divides each class vector of the last layer by its length to the power τ, for ``trainer.predict`` alone.

    The formula and its source are those of :func:`lightning_imbalance.functional.tau_normalized`. With ``tau="auto"`` τ
    is chosen once, at the end of ``trainer.fit`` or ``trainer.validate`` (see
    :class:`~lightning_imbalance.callbacks.posthoc.PostHoc`), by the balanced accuracy on the validation data. The
    weights themselves stay: the logits z are replaced by :math:`(z_i - b_i) / \lVert w_i \rVert^\tau`, which are those
    of the normalized layer. So no features need to be kept, and it must be the first of the post-hoc callbacks.

    Probabilities of normalized logits are not calibrated; list TemperatureScaling after it.

    Args:
        tau: τ, or ``"auto"``.
        taus: The grid for ``"auto"``, by default 0, 0.1, ..., 2. Of equally good ones the smallest is taken.
        head: Path of the last layer, such as ``"model.fc"``; by default the last ``torch.nn.Linear``. Its outputs must
            be the logits.
        keep_bias: Add the bias again, which the paper and its code drop.
        dataloader_idx: The validation dataloader to choose τ on, where there are several.
        logits_key: Key of the logits in what ``validation_step`` returns.
        target_key: Key of the targets.

    Attributes:
        result: τ, ``None`` while it is to be chosen.

    Raises:
        ValueError: ``tau`` is no finite number and not ``"auto"``, the grid is none, or the module is not multiclass.

    Example:
        >>> import lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance import WeightedClassifier
        >>> network = nn.Linear(2, 2, bias=False)
        >>> _ = network.weight.data.copy_(torch.tensor([[4.0, 0.0], [0.0, 1.0]]))
        >>> data = TensorDataset(torch.tensor([[1.0, 0.5], [0.5, 1.0]]), torch.tensor([0, 1]))
        >>> normalization = TauNormalization()
        >>> trainer = L.Trainer(callbacks=[normalization], logger=False, enable_progress_bar=False, accelerator="cpu")
        >>> _ = trainer.validate(WeightedClassifier(network, num_classes=2), DataLoader(data), verbose=False)
        >>> normalization.result
        0.6
    """

    def __init__(
        self,
        tau: float | Literal["auto"] = "auto",
        *,
        taus: Sequence[float] = TAUS,
        head: str | None = None,
        keep_bias: bool = False,
        dataloader_idx: int = 0,
        logits_key: str = "logits",
        target_key: str = "target",
    ) -> None:
        super().__init__(dataloader_idx=dataloader_idx, logits_key=logits_key, target_key=target_key)
        number = _number(tau)
        if tau != "auto" and not math.isfinite(number):
            msg = f"`tau` must be a finite number or 'auto', got {tau!r}."
            raise ValueError(msg)
        if not taus or not all(map(math.isfinite, taus)):
            msg = f"`taus` must be finite numbers, at least one, got {taus!r}."
            raise ValueError(msg)
        self.tau = tau
        self.taus = tuple(taus)
        self.head = head
        self.keep_bias = keep_bias
        self.result = None if tau == "auto" else number
        self._factors = torch.ones(0)
        self._bias: Tensor | None = None
        self._seen: Tensor | None = None
        self._watched: Any = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse what cannot be normalized, before anything is trained."""
        super().setup(trainer, pl_module, stage)
        if self.tau != "auto":
            self.result = float(self.tau)
        if task_of(pl_module) != "multiclass":
            msg = (
                f"τ-normalization needs classes that compete, `task='multiclass'`, got {task_of(pl_module)!r}, where a "
                "factor of a logit changes no decision."
            )
            raise ValueError(msg)
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it
        earlier = [each for each in callbacks[: callbacks.index(self)] if isinstance(each, PostHoc)]
        if earlier:
            msg = (
                "TauNormalization must come before the other callbacks that change or read logits, got "
                f"{type(earlier[0]).__name__} before it."
            )
            raise ValueError(msg)
        if getattr(pl_module, "posthoc", None):
            msg = "the module's `posthoc` must be empty before τ-normalization, got functions that change the logits."
            raise ValueError(msg)
        self._layer(pl_module)

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the head's outputs in the first batch."""
        super().on_validation_epoch_start(trainer, pl_module)
        self._watch(pl_module)

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch's logits and targets; check once that the logits are the head's."""
        super().on_validation_batch_end(trainer, pl_module, outputs, batch, batch_idx, dataloader_idx)
        if isinstance(outputs, Mapping) and isinstance(outputs.get(self.logits_key), Tensor):
            self._compare(outputs[self.logits_key])

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stand in the module's ``posthoc``, and look at the head's outputs in the first batch."""
        super().on_predict_start(trainer, pl_module)
        self._watch(pl_module)

    def fit_on(self, logits: Tensor, target: Tensor, task: Task, pl_module: L.LightningModule) -> None:
        """Choose τ."""
        del task
        layer = self._layer(pl_module)
        if self.tau == "auto":
            bias: Tensor | None = layer.bias
            scores = full_precision(logits) - (0 if bias is None else full_precision(bias.detach().cpu()))
            self.result = best_tau(scores, layer.weight.detach().cpu(), target, self.taus, ignored_by(pl_module))

    def prepare(self, pl_module: L.LightningModule) -> None:
        """Read the lengths of the class vectors, and the bias."""
        layer = self._layer(pl_module)
        assert self.result is not None, "predictions wait for τ"  # noqa: S101  # for the type checker
        self._factors = tau_factors(layer.weight.detach(), self.result)
        bias: Tensor | None = layer.bias
        self._bias = None if bias is None else full_precision(bias.detach())

    def parameters(self) -> dict[str, Any] | None:
        """Return τ."""
        return None if self.result is None else {"tau": self.result}

    def take(self, parameters: Mapping[str, Any]) -> None:
        """Take τ back, where it was to be chosen."""
        if self.tau == "auto":
            self.result = parameters["tau"]

    def transform(self, logits: Tensor) -> Tensor:
        """Return the logits of the normalized layer."""
        self._compare(logits)
        logits = full_precision(logits)
        factors = along_classes(self._factors.to(logits), logits.ndim)
        if self._bias is None:
            return logits * factors
        bias = along_classes(self._bias.to(logits), logits.ndim)
        return (logits - bias) * factors + (bias if self.keep_bias else 0)

    def _leave(self, pl_module: L.LightningModule) -> None:
        super()._leave(pl_module)
        self._unwatch()

    def _layer(self, pl_module: L.LightningModule) -> nn.Linear:
        name, layer = find_head(pl_module, self.head)
        if not isinstance(layer, nn.Linear):
            msg = f"`head` must name a torch.nn.Linear for τ-normalization, got {type(layer).__name__} for {name!r}."
            raise TypeError(msg)
        return layer

    def _watch(self, pl_module: L.LightningModule) -> None:
        def keep(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            del layer, inputs
            self._seen = output

        self._unwatch()
        self._watched = self._layer(pl_module).register_forward_hook(keep)

    def _unwatch(self) -> None:
        if self._watched is not None:
            self._watched.remove()
        self._watched = self._seen = None

    def _compare(self, logits: Tensor) -> None:
        if self._watched is None:
            return
        seen = self._seen
        self._unwatch()
        # NaN is unlike itself, and says nothing of where it comes from.
        if seen is None or seen.shape != logits.shape or not _alike(seen.to(logits.dtype), logits):
            msg = (
                "the logits must be the outputs of the last layer for τ-normalization, got others. Name it: "
                '`TauNormalization(head="model.fc")`.'
            )
            raise ValueError(msg)


def _number(tau: object) -> float:
    return float(tau) if isinstance(tau, Real) and not isinstance(tau, bool) else math.nan


def _alike(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
