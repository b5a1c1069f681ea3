"""Train remedies side by side, and say which one helped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lightning_imbalance.comparison.experiment import Experiment
from lightning_imbalance.comparison.figures import DECIDED_ON, Judge
from lightning_imbalance.comparison.folder_lock import FolderLock
from lightning_imbalance.comparison.progress import ComparisonProgress
from lightning_imbalance.comparison.remedies import Remedy, resolve
from lightning_imbalance.comparison.result import Comparison
from lightning_imbalance.comparison.run_folders import Finished, RunFolders
from lightning_imbalance.comparison.scheduling import Job, Workers, make_all, make_one, number_of_workers
from lightning_imbalance.comparison.source import FixedParts, Source
from lightning_imbalance.functional.paired import ChangeMoments, PairedDifference
from lightning_imbalance.functional.simultaneous import simultaneous_intervals

_REMEDIES = ("none", "weighted", "balanced_softmax", "balanced_sampler", "posthoc")
_OWN = ("max_epochs", "callbacks", "logger", "enable_checkpointing", "plugins", "num_sanity_val_steps")


def compare(
    source: Source,
    remedies: Sequence[str | Remedy] = _REMEDIES,
    seeds: int | Sequence[int] = 3,
    *,
    target: str | None = None,
    model: Callable[[int], nn.Module] | None = None,
    metric: str = "balanced_accuracy",
    baseline: str = "none",
    max_epochs: int = 20,
    optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] = AdamW,
    lr_scheduler: Callable[[Optimizer], LRScheduler | ReduceLROnPlateau] | None = None,
    trainer: Mapping[str, Any] | None = None,
    confidence: float = 0.95,
    output: str | Path = "lightning-imbalance-comparison",
    workers: Workers = 1,
    progress: bool = True,
) -> Comparison:
    """Train each remedy with the same seeds on the same parts of the data, and say which one helped.

    Everything is chosen on validation data: the epoch of each run, and what is fitted after training. The test part is
    looked at once. Each remedy is compared with the baseline seed by seed and sample by sample; the intervals of all
    remedies hold together, for other test samples and other seeds
    (:func:`lightning_imbalance.functional.simultaneous_intervals`). A remedy is recommended if its whole interval is
    above 0: where no remedy differs, that happens in at most 1 - ``confidence`` of all comparisons.

    Remedies by name: ``"none"``, ``"weighted"``, ``"square_root_weighted"``, ``"effective_number"``,
    ``"deferred_reweighting"``, ``"focal"``, ``"balanced_softmax"``, ``"logit_adjusted"``, ``"vector_scaling"``,
    ``"ldam_drw"`` (with a cosine layer in the place of the last linear one), ``"balanced_sampler"``,
    ``"square_root_sampler"``, ``"progressive_sampler"``, ``"crt"``, ``"mixup"``, ``"remix"``, ``"cutmix_minority"``,
    ``"smote"`` (tables), and two that change what the networks of ``"none"`` decide: ``"posthoc"`` (its logits for the
    uniform class prior) and ``"tau_norm"``.

    Log loss and calibration error are those of the probabilities for the class prior of the training data (what
    ``target_prior="train"`` gives), taken over test samples that count as often as their class occurs there, so that
    remedies that believe in other priors can be compared. Where the loss makes no posteriors the probabilities are
    those of the softmax, and a note says so.

    A finished run is kept in ``output`` (checkpoint, log, test predictions, figures) and not made again: call the same
    again after an interruption, or with more seeds or remedies. A second call that would write into the folder at the
    same time is refused.

    Args:
        source: The data, of classes that exclude each other: a LightningDataModule, a function that makes one, a
            folder of images, or a table (``.csv``, ``.tsv``, ``.parquet``) with ``target``. Without a test part, half
            of the validation part becomes it.
        remedies: Names, or :class:`~lightning_imbalance.comparison.Remedy` of one's own; with the baseline.
        seeds: Runs of each remedy, 2 or more: with one, a remedy and the luck of its seed cannot be told apart. Or the
            seeds themselves.
        target: The column of the classes, where ``source`` is a table.
        model: Makes a network for a number of classes; by default a small one for the samples
            (:func:`~lightning_imbalance.small_networks.small_network`).
        metric: What decides: ``"balanced_accuracy"``, ``"worst_class_recall"`` or ``"macro_f1"``.
        baseline: Name of the remedy that the others are compared with.
        max_epochs: Epochs of each run.
        optimizer: As for :class:`~lightning_imbalance.WeightedClassifier`.
        lr_scheduler: The same.
        trainer: Further arguments of the Trainer, such as ``{"accelerator": "gpu", "precision": "16-mixed"}``. A run
            has one device.
        confidence: Probability with which the intervals of a figure hold together.
        output: Folder of the runs.
        workers: Runs that go on at a time, in processes of their own, or ``"auto"``: one a GPU, or one for two cores.
            More than 1 needs a script with ``if __name__ == "__main__":``.
        progress: Show how far it is.

    Returns:
        The figures, the differences and a recommendation.

    Raises:
        TypeError: An argument has the wrong type.
        ValueError: An argument has a value that cannot work, or ``output`` has runs of another comparison, cannot be
            written, or is being written by another call.

    Example:
        >>> import lightning as L
        >>> from torch.utils.data import TensorDataset
        >>> target = torch.tensor([0] * 40 + [1] * 20)
        >>> data = TensorDataset(torch.randn(60, 4) + target[:, None], target)
        >>> parts = L.LightningDataModule.from_datasets(data, data, data, batch_size=20)
        >>> result = compare(parts, ["none", "posthoc"], seeds=2, max_epochs=1, progress=False,
        ...                  trainer={"accelerator": "cpu"})
        >>> list(result.differences)
        ['posthoc']
    """
    chosen = resolve(remedies, baseline)
    numbers = _seeds(seeds)
    _check(metric, confidence, max_epochs, trainer or {})
    number_of_workers(workers, 1)
    parts = FixedParts.of(source, target)
    experiment = Experiment(parts, chosen, model, optimizer, lr_scheduler, max_epochs, metric, dict(trainer or {}))
    folders = RunFolders(Path(output), experiment)
    with FolderLock(folders.output):
        missing = [Job(remedy, seed) for seed in numbers for remedy in chosen if not folders.is_finished(remedy, seed)]
        folders.clear_unfinished()
        trained = [job for job in missing if job.remedy.of is None]
        if trained:
            with ComparisonProgress(len(trained), metric, quiet=not progress) as shown:
                make_all(folders, trained, number_of_workers(workers, len(trained)), shown)
        for job in missing:
            if job.remedy.of is not None:
                make_one(folders, job)
        found = {remedy.name: [folders.finished(remedy, seed) for seed in numbers] for remedy in chosen}
    return _result(experiment, found, numbers, confidence)


def _result(
    experiment: Experiment, found: Mapping[str, list[Finished]], seeds: tuple[int, ...], confidence: float
) -> Comparison:
    baseline, *others = experiment.remedies
    judge = Judge(experiment.parts.target, experiment.parts.distribution)
    evidence = {name: [run.evidence for run in runs] for name, runs in found.items()}
    moments = judge.changes(evidence[baseline.name], [evidence[other.name] for other in others])
    # Those that take the networks of the baseline share its seeds.
    retrained = torch.tensor([other.of != baseline.name for other in others])
    names = [other.name for other in others]
    differences = {
        figure: dict(zip(names, _intervals(figure, each, retrained, confidence), strict=True))
        for figure, each in moments.items()
    }
    figures = {
        name: {figure: tuple(run.figures[figure] for run in runs) for figure in judge.names}
        for name, runs in found.items()
    }
    softmax = [name for name, runs in found.items() if not all(run.for_training_prior for run in runs)]
    notes = experiment.parts.notes
    if softmax:
        named = ", ".join(softmax)
        notes += (f"log loss and calibration error of {named} are those of the softmax, for no known class prior",)
    checkpoints = {}
    for remedy in experiment.remedies:
        runs = found[remedy.of or remedy.name]
        best = max(runs, key=lambda run: -math.inf if math.isnan(run.validation) else run.validation)
        if best.checkpoint is not None:
            checkpoints[remedy.name] = best.checkpoint
    return Comparison(
        metric=experiment.metric,
        baseline=baseline.name,
        seeds=seeds,
        figures=figures,
        all_differences=differences,
        confidence=confidence,
        test_samples=len(experiment.parts.target),
        checkpoints=checkpoints,
        notes=notes,
    )


def _intervals(
    figure: str, moments: ChangeMoments, retrained: Tensor, confidence: float
) -> tuple[PairedDifference, ...]:
    if not bool(moments.per_run.isfinite().all() and moments.covariance.isfinite().all()):
        # A run whose logits became NaN has no log loss, and then nothing is known of any difference.
        return tuple(PairedDifference(value, math.nan, math.nan) for value in moments.per_run.mean(1).tolist())
    found = simultaneous_intervals(
        moments.per_run, moments.covariance, centre=moments.centre, retrained=retrained, confidence=confidence
    )
    if figure == "log_loss":
        return found
    # All others are from 0 to 1, and two of them no further apart.
    return tuple(gain._replace(low=max(gain.low, -1.0), high=min(gain.high, 1.0)) for gain in found)


def _seeds(seeds: object) -> tuple[int, ...]:
    numbers = range(seeds) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds
    if (
        not isinstance(numbers, Sequence)
        or isinstance(numbers, str)
        or not all(isinstance(each, int) for each in numbers)
    ):
        msg = f"`seeds` must be a number of runs or a list of whole numbers, got {seeds!r}."
        raise TypeError(msg)
    if len(set(numbers)) < max(len(numbers), 2) or min(numbers) < 0 or max(numbers) >= 2**32:
        msg = (
            f"`seeds` must be 2 or more, or as many different numbers from 0 on, got {seeds!r}. One run of each "
            "remedy cannot tell the remedy from the luck of its seed."
        )
        raise ValueError(msg)
    return tuple(numbers)


def _check(metric: object, confidence: float, max_epochs: int, trainer: Mapping[str, Any]) -> None:
    if metric not in DECIDED_ON:
        msg = f"`metric` must be one of {', '.join(map(repr, DECIDED_ON))}, got {metric!r}."
        raise ValueError(msg)
    if not 0 < confidence < 1:
        msg = f"`confidence` must be between 0 and 1, got {confidence}."
        raise ValueError(msg)
    if max_epochs < 1:
        msg = f"`max_epochs` must be at least 1, got {max_epochs}."
        raise ValueError(msg)
    for name in _OWN:
        if name in trainer:
            hint = " Pass `max_epochs=...`." if name == "max_epochs" else ""
            msg = f"`trainer` must leave {name} to the comparison, got {trainer[name]!r}.{hint}"
            raise ValueError(msg)
