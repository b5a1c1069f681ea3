"""The callback that lets class weights come into force late in a fit."""

from __future__ import annotations

import warnings
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from lightning_imbalance.callbacks.apply_class_weights import ApplyClassWeights
from lightning_imbalance.callbacks.deferral import Deferral, mixed
from lightning_imbalance.class_state import ClassState
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.ramp import Ramp
from lightning_imbalance.weighting import Weighting, as_scheme, check_weighting, class_weights, described

_MAX_LOGGED_CLASSES = 100


class DeferredReweighting(L.Callback):
    """Trains without class weights at first and with a scheme's from a later epoch on: DRW (Cao et al. 2019).

    Acts on the ``class_weights`` of a :class:`~lightning_imbalance.WeightedClassifier`, or on the criterion of an
    :class:`~lightning_imbalance.callbacks.ApplyClassWeights` in the same Trainer. Before the start the weights are
    those of their ``weighting``, which the paper has as ``"uniform"``. Checkpoints hold the weights in force.

    The paper's Algorithm 1 weights by inverse frequency from an epoch T₀ on, and leaves it open. The authors' code
    (kaidic/LDAM-DRW, ``cifar_train.py``) weights by the effective number with β = 0.9999, scaled to average 1 over the
    classes, from the 161st of 200 epochs on (``epoch // 160``, counted from 0). The times here are the code's: epochs
    count from 0, and ``start=0.8`` of 200 is epoch 160. The default scheme is ``"effective_number"`` with this
    package's β = 0.999; ``scheme=EffectiveNumber(beta=0.9999)`` is the code's, ``scheme="inverse"`` the paper's text.
    Mean and weights are the module's: Σ w·ℓ / Σ w as in the code, where the text divides by the number of samples. The
    learning rate, which the code lowers in the same epoch, is the optimizer's business. Ramps are in neither.

    Logged, in the epochs in which they change: ``class_weight/<class name>``; with more than 100 classes the vector
    goes to the loggers at once and cannot be monitored.

    Args:
        start: Share of the Trainer's ``max_epochs`` after which the scheme's weights come, above 0 and below 1; 0.8
            where no ``start_epoch`` is given.
        start_epoch: The first epoch with other weights, counted from 0, instead of ``start``.
        scheme: As in :func:`~lightning_imbalance.class_weights`.
        ramp: ``"linear"`` or ``"cosine"``: go there in steps, one an epoch, see
            :class:`~lightning_imbalance.callbacks.deferral.Deferral`. ``None`` changes at once.
        ramp_epochs: How many epochs from the start on have weights in between.

    Raises:
        TypeError: An argument has the wrong type. In ``setup``: there are no class weights to change.
        ValueError: An argument has a value that cannot work. When the fit begins: there is no ``max_epochs`` to take a
            share of, the start would never come, or the scheme gives the weights that are in force anyway.

    Example:
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance import WeightedClassifier
        >>> data = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
        >>> model = WeightedClassifier(torch.nn.Linear(4, 2), weighting="uniform")
        >>> trainer = L.Trainer(callbacks=[DeferredReweighting(start=0.5, scheme="balanced")], max_epochs=4,
        ...                     logger=False, enable_checkpointing=False, enable_progress_bar=False,
        ...                     enable_model_summary=False, accelerator="cpu")
        >>> trainer.fit(model, DataLoader(data, batch_size=20, shuffle=True))
        >>> model.class_weights
        tensor([0.6000, 3.0000])
    """

    def __init__(
        self,
        *,
        start: float | None = None,
        start_epoch: int | None = None,
        scheme: Weighting = "effective_number",
        ramp: Ramp | None = None,
        ramp_epochs: int | None = None,
    ) -> None:
        check_weighting(scheme, task="multilabel")  # which of the three asks the least of numbers
        self.deferral = Deferral(start, start_epoch, ramp, ramp_epochs)
        self.scheme = as_scheme(scheme)
        self._weights: tuple[Tensor, Tensor] | None = None  # before and after
        self._distribution: ClassDistribution | None = None
        self._mixture: float | None = None
        self._logged: float | None = None
        self._restored: dict[str, Any] = {}

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Check that there are weights to change, and that the start comes."""
        if stage != "fit":
            return
        self._restored = {}
        self._weights = self._distribution = self._mixture = self._logged = None
        _weighted(trainer, pl_module)
        if not trainer.fast_dev_run:  # type: ignore[attr-defined]  # Lightning adds it
            self.deferral.check_reached(_epochs(trainer))

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take the weights before and after, and put those in force that were when the checkpoint was written."""
        weighted = _weighted(trainer, pl_module)
        distribution = weighted.distribution
        if distribution is None:
            msg = (
                "`setup` must have counted the classes before they are weighted, got an override that did not. Call "
                "`super().setup(stage)` in it."
            )
            raise RuntimeError(msg)
        before = _in_force(weighted)
        resumed = self._restored.get("distribution") == distribution.to_dict()
        if resumed:
            # Those of the module may be a mixture already.
            before = self._restored["before"]
        weighting: Weighting = weighted.weighting
        after = self._scheme_weights(distribution, weighting)
        _refuse_without_effect(before, after, distribution, described(self.scheme), described(weighting))
        if not resumed and not bool((before == before[0]).all()):
            rank_zero_warn(
                '`weighting` should be "uniform" with DeferredReweighting, as in Cao et al. 2019, got '
                f"{described(weighting)}: its weights are used before epoch "
                f"{self.deferral.first_epoch(_epochs(trainer))}."
            )
        self._weights, self._distribution = (before, after), distribution
        # The Trainer's epoch is restored after this hook.
        epoch = self.deferral.mixture(trainer.current_epoch, _epochs(trainer))
        self._fill(self._restored.get("mixture", epoch), trainer, pl_module)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the epoch's weights in force; a fit that resumes within an epoch does not start it again."""
        reached, now = self._mixture, self.deferral.mixture(trainer.current_epoch, _epochs(trainer))
        if reached is not None and now < reached:
            first = self.deferral.first_epoch(_epochs(trainer))
            rank_zero_warn(
                f"the start must stay where it was for weights to stay in force, got epoch {first} now: in the "
                f"checkpoint {reached:.0%} of them were, and in epoch {trainer.current_epoch} {now:.0%} are. Pass "
                "`start_epoch`, which does not move with `max_epochs`."
            )
        self._fill(now, trainer, pl_module)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Put the epoch's weights in force, and log them where they have changed."""
        self._fill(self.deferral.mixture(trainer.current_epoch, _epochs(trainer)), trainer, pl_module)
        if self._mixture != self._logged:
            self._logged = self._mixture
            self._log(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """Return the weights before the start, what they were made for, and how far the change is."""
        if self._weights is None or self._distribution is None:
            return {}
        before, _ = self._weights
        return {"before": before.clone(), "distribution": self._distribution.to_dict(), "mixture": self._mixture}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep it for the beginning of the fit."""
        self._restored = dict(state_dict)
        self._logged = state_dict["mixture"]

    def _scheme_weights(self, distribution: ClassDistribution, weighting: Weighting) -> Tensor:
        with warnings.catch_warnings():
            if isinstance(weighting, str) or callable(weighting):
                # Classes without samples have been named in setup, where that scheme was used.
                warnings.filterwarnings("ignore", message="no training sample of class")
            return class_weights(distribution, self.scheme)

    def _fill(self, mixture: float, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if mixture == self._mixture:
            return
        assert self._weights is not None, "on_fit_start comes first"  # noqa: S101  # for the type checker
        assert self._distribution is not None, "on_fit_start comes first"  # noqa: S101  # for the type checker
        weights = mixed(*self._weights, mixture, self._distribution)
        weighted = _weighted(trainer, pl_module)
        if isinstance(weighted, ClassState):
            weighted.fill(self._distribution, weights)
            # From the first batch on, so that a loss that cannot be weighted says so then, not when the weights come.
            weighted.needs_weights = True
        else:
            weighted.reweight(weights)
        self._mixture = mixture

    def _log(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        names, weights = self._distribution.class_names, _in_force(_weighted(trainer, pl_module)).tolist()  # type: ignore[union-attr]  # filled
        shown = ", ".join(f"{name} {weight:.4g}" for name, weight in zip(names[:10], weights, strict=False))
        more = f", ... ({len(names)} classes)" if len(names) > 10 else ""
        what = f"{self._mixture:.0%} of {described(self.scheme)}"
        rank_zero_info(f"Class weights from epoch {trainer.current_epoch} on, {what}: {shown}{more}.")
        values = {f"class_weight/{name}": weight for name, weight in zip(names, weights, strict=True)}
        if len(names) <= _MAX_LOGGED_CLASSES:
            # Equal on every process; sync_dist only keeps Lightning from warning.
            pl_module.log_dict(values, on_step=False, on_epoch=True, sync_dist=trainer.world_size > 1)
        elif trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.log_metrics(values, step=trainer.global_step)


def _epochs(trainer: L.Trainer) -> int:
    return -1 if trainer.max_epochs is None else trainer.max_epochs


def _weighted(trainer: L.Trainer, pl_module: L.LightningModule) -> ClassState | ApplyClassWeights:
    found = [callback for callback in trainer.callbacks if isinstance(callback, ApplyClassWeights)]  # type: ignore[attr-defined]  # Lightning adds it
    if isinstance(pl_module, ClassState):
        return pl_module
    if len(found) == 1:
        return found[0]
    way_out = "" if found else ' Add `ApplyClassWeights("criterion", weighting="uniform")`.'
    msg = (
        "DeferredReweighting must have class weights to change, those of a WeightedClassifier or of one "
        f"ApplyClassWeights in the same Trainer, got {type(pl_module).__name__} and {len(found)} ApplyClassWeights."
        f"{way_out}"
    )
    raise TypeError(msg)


def _in_force(weighted: ClassState | ApplyClassWeights) -> Tensor:
    weights = weighted.class_weights if isinstance(weighted, ClassState) else weighted.weights
    assert weights is not None, "setup has filled them"  # noqa: S101  # for the type checker
    return weights.detach().cpu().clone()


def _refuse_without_effect(
    before: Tensor, after: Tensor, distribution: ClassDistribution, scheme: str, weighting: str
) -> None:
    # A weighted mean knows only the quotients of the weights, except for a `pos_weight`.
    scale = before.double().sum() / after.double().sum() if distribution.task != "multilabel" else 1.0
    if torch.allclose(before.double(), after.double() * scale, rtol=1e-5, atol=0):
        msg = (
            f"`scheme` must give other weights than the module has from the beginning, got {scheme} after {weighting}, "
            f"which {'are' if distribution.task == 'multilabel' else 'weight a mean'} the same for "
            f"{distribution.summary()}."
        )
        raise ValueError(msg)
