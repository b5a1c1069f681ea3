"""One run: a remedy with a seed, trained, chosen on validation data and judged once on test data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from lightning_imbalance.callbacks import ImbalanceMonitor
from lightning_imbalance.callbacks.posthoc import PostHoc
from lightning_imbalance.checkpoint_io import WholeFileCheckpointIO
from lightning_imbalance.comparison.experiment import Experiment
from lightning_imbalance.comparison.figures import Evidence
from lightning_imbalance.comparison.remedies import Remedy
from lightning_imbalance.functional.logits import full_precision, predicted_classes
from lightning_imbalance.module import WeightedClassifier
from lightning_imbalance.prior import adjust_logits, log_prior
from lightning_imbalance.quiet import quiet
from lightning_imbalance.rebalanced import RebalancedDataModule

CHECKPOINT = "checkpoint.ckpt"


class Trained(NamedTuple):
    """What one run gives.

    Attributes:
        evidence: What it says of the test samples.
        validation: The figure that chose the epoch; NaN for a remedy that trains nothing.
        for_training_prior: Whether its probabilities are those for the training data's class prior.
        seconds: How long it took.
    """

    evidence: Evidence
    validation: float
    for_training_prior: bool
    seconds: float


class TestLogits(L.Callback):
    """Keeps the logits and targets of all test batches.

    Example:
        >>> TestLogits().batches
        []
    """

    __test__ = False  # the name is no test of pytest's

    def __init__(self) -> None:
        self.batches: list[tuple[Tensor, Tensor]] = []

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch, off the device."""
        del trainer, pl_module, batch, batch_idx, dataloader_idx
        self.batches.append((full_precision(outputs["logits"]).cpu(), outputs["target"].cpu()))


def run(experiment: Experiment, remedy: Remedy, seed: int, folder: Path, networks: Path | None = None) -> Trained:
    """Train with a remedy and judge it; or judge networks that are trained already.

    Args:
        experiment: What all runs have in common.
        remedy: The remedy.
        seed: Seed of the network and of the order of the samples.
        folder: Where checkpoint and log go; it exists.
        networks: Folder of the finished run whose network is taken, for a remedy with ``of``.

    Returns:
        What came out.

    Raises:
        SystemExit: Lightning was interrupted.
    """
    started = time.perf_counter()
    with isolate_rng(), quiet():
        L.seed_everything(seed, verbose=False)
        if remedy.of is None:
            model, trainer, monitor, validation = _fit(experiment, remedy, seed, folder)
            checkpoint, parts = folder / CHECKPOINT, experiment.parts
        else:
            assert networks is not None, "the schedule runs a remedy after the one whose networks it takes"  # noqa: S101
            checkpoint, parts = networks / CHECKPOINT, experiment.parts
            model, validation = _model(experiment, experiment.remedy(remedy.of)), float("nan")
            monitor = TestLogits()
            trainer = _trainer(experiment, [*remedy.made_callbacks(), monitor], logger=False)
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it
        if any(isinstance(callback, PostHoc) for callback in callbacks):
            # On the weights that were chosen, which need not be the last ones.
            trainer.validate(model, datamodule=parts, ckpt_path=checkpoint, verbose=False)
        trainer.test(model, datamodule=parts, ckpt_path=checkpoint, verbose=False)
        logits, target = (torch.cat(each) for each in zip(*monitor.batches, strict=True))
        evidence, comparable = judged(model.cpu(), remedy, logits, target, callbacks)
    if not torch.equal(target, parts.target):
        msg = (
            "`test_dataloader()` must give the same samples each time, got other classes than when the comparison "
            "began."
        )
        raise ValueError(msg)
    return Trained(evidence, validation, comparable, time.perf_counter() - started)


def judged(
    model: WeightedClassifier, remedy: Remedy, logits: Tensor, target: Tensor, callbacks: list[Any]
) -> tuple[Evidence, bool]:
    """Return decisions and probabilities of a model.

    Args:
        model: The model, fitted or loaded.
        remedy: The remedy, which says what decisions are made for.
        logits: Of N samples, shape ``(N, C)``.
        target: Their classes, shape ``(N,)``.
        callbacks: Those of the Trainer; what is fitted after training changes the logits.

    Returns:
        The evidence, and whether its probabilities are those for the training data's class prior.
    """
    values = logits.double()
    fitted = [callback for callback in callbacks if isinstance(callback, PostHoc)]
    for callback in fitted:
        callback.prepare(model)
        values = callback.transform(values)
    source = None if fitted else _log_training_prior(model)
    decisions = values
    if remedy.decide_for is not None:
        believed = model.training_prior.log() if source is None else source
        decisions = adjust_logits(values, believed, log_prior(remedy.decide_for, _distribution(model)))
    if source is not None:
        values = adjust_logits(values, source, log_prior("train", _distribution(model)))
    likely = values.log_softmax(1)
    confidence, confident_in = likely.exp().max(1)
    lost = -likely.gather(1, target[:, None]).squeeze(1)
    return Evidence(predicted_classes(decisions, "multiclass"), lost, confidence, confident_in), source is not None


def _fit(
    experiment: Experiment, remedy: Remedy, seed: int, folder: Path
) -> tuple[WeightedClassifier, L.Trainer, TestLogits, float]:
    model = _model(experiment, remedy)
    parts: L.LightningDataModule = experiment.parts
    if remedy.training_data is not None:
        parts = experiment.parts.with_training_data(remedy.training_data, seed)
    if remedy.sampler is not None:
        options: dict[str, Any] = {"seed": seed} if isinstance(remedy.sampler, str) else {}
        parts = RebalancedDataModule(parts, remedy.sampler, **options)
    best = ModelCheckpoint(
        dirpath=folder,
        filename=Path(CHECKPOINT).stem,
        monitor=f"val_{experiment.metric}",
        mode="max",
        save_weights_only=True,
        enable_version_counter=False,
    )
    kept = TestLogits()
    callbacks = [*remedy.made_callbacks(), ImbalanceMonitor(), best, kept]
    trainer = _trainer(experiment, callbacks, CSVLogger(folder, name="", version="log"))
    trainer.fit(model, datamodule=parts)
    score = best.best_model_score
    return model, trainer, kept, float("nan") if score is None else score.item()


def _model(experiment: Experiment, remedy: Remedy) -> WeightedClassifier:
    network = experiment.network()
    if remedy.network is not None:
        network = remedy.network(network)
    distribution = experiment.parts.distribution
    return WeightedClassifier(
        network,
        distribution.num_classes,
        class_names=distribution.class_names,
        weighting=remedy.weighting,
        loss=remedy.loss,
        batch_transform=remedy.batch_transform,
        optimizer=experiment.optimizer,
        lr_scheduler=experiment.lr_scheduler,
    )


def _trainer(experiment: Experiment, callbacks: list[L.Callback], logger: Any) -> L.Trainer:
    return L.Trainer(
        max_epochs=experiment.max_epochs,
        callbacks=callbacks,
        logger=logger,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        plugins=[WholeFileCheckpointIO()],
        log_every_n_steps=1,
        **{"devices": 1, **experiment.trainer},
    )


def _log_training_prior(model: WeightedClassifier) -> Tensor | None:
    try:
        return model.training_prior.log()
    except ValueError:  # the loss makes no posteriors, or labels were mixed
        return None


def _distribution(model: WeightedClassifier) -> Any:
    assert model.distribution is not None, "a model that was fitted or loaded has its classes"  # noqa: S101
    return model.distribution
