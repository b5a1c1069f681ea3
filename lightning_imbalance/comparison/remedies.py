"""What can be compared: each remedy as the settings that make it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import lightning as L
from torch import nn
from torch.utils.data import Dataset

from lightning_imbalance.callbacks import ClassifierRetraining, DeferredReweighting, TauNormalization
from lightning_imbalance.callbacks.heads import find_head
from lightning_imbalance.callbacks.posthoc import PostHoc
from lightning_imbalance.losses import CosineClassifier
from lightning_imbalance.losses.resolve import LossLike
from lightning_imbalance.prior import Prior
from lightning_imbalance.samplers.resolve import SamplerLike
from lightning_imbalance.synthesis.resolve import BatchTransformLike
from lightning_imbalance.weighting import Weighting

_LONGEST = 100
_NAME = re.compile(rf"[A-Za-z0-9_](?:[\w.-]{{0,{_LONGEST - 2}}}[A-Za-z0-9_])?", re.ASCII)
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


@dataclass(frozen=True)
class Remedy:
    """One way of training, or of deciding after it.

    Args:
        name: What it is called in tables and folders: up to 100 letters, digits, ``_``, ``-`` and ``.``, with none of
            the last two at the beginning or the end.
        weighting: As for :class:`~lightning_imbalance.WeightedClassifier`.
        loss: The same.
        batch_transform: The same.
        sampler: As for :class:`~lightning_imbalance.RebalancedDataModule`; ``None`` draws the data as they are.
        callbacks: Makes the callbacks of a fit, new ones each time.
        network: Changes the network before it is trained, and returns it.
        training_data: Makes the training data set out of the one that there is and a seed.
        of: Name of the remedy whose trained networks it takes: nothing is trained. ``callbacks`` are then fitted on
            validation data (:class:`~lightning_imbalance.callbacks.posthoc.PostHoc`).
        decide_for: Class prior that decisions are made for, as :func:`lightning_imbalance.prior.log_prior` takes it.
            By default the one that the training made the model believe.

    Raises:
        TypeError: The name is no string; or a callback trains something, with ``of``.
        ValueError: The name cannot be that of a folder, or settings of the training come with ``of``.

    Example:
        >>> Remedy("square_root_weights", weighting="inverse_sqrt").describe()
        {'weighting': "'inverse_sqrt'", 'loss': "'cross_entropy'"}
    """

    name: str
    weighting: Weighting = "uniform"
    loss: LossLike = "cross_entropy"
    batch_transform: BatchTransformLike | None = None
    sampler: SamplerLike | None = None
    callbacks: Callable[[], Sequence[L.Callback]] | None = None
    network: Callable[[nn.Module], nn.Module] | None = None
    training_data: Callable[[Dataset[Any], int], Any] | None = None
    of: str | None = None
    decide_for: Prior | None = None

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.of is None:
            return
        for field in fields(self):
            allowed = field.name in {"name", "callbacks", "of", "decide_for"}
            if not allowed and getattr(self, field.name) is not field.default:
                msg = (
                    f"`{field.name}` must be left out with `of={self.of!r}`, whose networks are taken as they were "
                    f"trained, got {getattr(self, field.name)!r}."
                )
                raise ValueError(msg)
        for callback in self.made_callbacks():
            if not isinstance(callback, PostHoc):
                msg = (
                    f"`callbacks` must be fitted on validation data (subclasses of PostHoc) with `of={self.of!r}`, "
                    f"got {type(callback).__name__}."
                )
                raise TypeError(msg)

    def made_callbacks(self) -> list[L.Callback]:
        """Return new callbacks."""
        return [] if self.callbacks is None else list(self.callbacks())

    def describe(self) -> dict[str, str]:
        """Return the settings in words, by which a finished run is known again; names of functions, not their code."""
        if self.of is not None:
            words = {"of": repr(self.of)}
        else:
            words = {"weighting": _words(self.weighting), "loss": _words(self.loss)}
        for name in ("batch_transform", "sampler", "network", "training_data", "decide_for"):
            value = getattr(self, name)
            if value is not None:
                words[name] = _words(value)
        for number, callback in enumerate(self.made_callbacks()):
            words[f"callbacks[{number}]"] = _words_of_callback(callback)
        return words


def cosine_head(network: nn.Module) -> nn.Module:
    """Replace the last linear layer by a :class:`~lightning_imbalance.losses.CosineClassifier`, which LDAM needs.

    Args:
        network: Any network with a ``torch.nn.Linear``.

    Returns:
        The same network.

    Raises:
        ValueError: It has none.

    Example:
        >>> cosine_head(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))[2]
        CosineClassifier(in_features=4, num_classes=2, scale=30.0)
    """
    path, head = find_head(network)
    new = CosineClassifier(int(head.in_features), int(head.out_features))  # type: ignore[arg-type]  # a Linear
    if not path:
        return new
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, new)
    return network


def smote(dataset: Any, seed: int) -> Any:
    """Return the table with rows added by SMOTE until all classes are as large as the largest.

    Args:
        dataset: As for :func:`lightning_imbalance.synthesis.resample`.
        seed: Of the draws.

    Returns:
        The resampled data set.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> len(smote(TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10)), 0))
        100
    """
    # imbalanced-learn is not everyone's.
    from lightning_imbalance.synthesis import resample

    return resample(dataset, "smote", seed=seed)


def _deferred() -> list[L.Callback]:
    return [DeferredReweighting()]


def _retraining() -> list[L.Callback]:
    return [ClassifierRetraining(start=0.8)]


def _tau() -> list[L.Callback]:
    return [TauNormalization()]


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        msg = f"`name` must be a string, got {type(name).__name__}: {name!r}."
        raise TypeError(msg)
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= _LONGEST else f"{name[:20]}..."
        msg = (
            f"`name` must be 1 to {_LONGEST} letters, digits, `_`, `-` and `.`, since a folder has it, and begin and "
            f"end with none of the last two, got {shown!r}."
        )
        raise ValueError(msg)
    if name.partition(".")[0].lower() in _DEVICES:
        msg = f"`name` must be that of a folder, got {name!r}, which is a device on Windows."
        raise ValueError(msg)


NAMED: Mapping[str, Remedy] = {
    remedy.name: remedy
    for remedy in (
        Remedy("none"),
        Remedy("weighted", weighting="balanced"),
        Remedy("square_root_weighted", weighting="inverse_sqrt"),
        Remedy("effective_number", weighting="effective_number"),
        Remedy("deferred_reweighting", callbacks=_deferred),
        Remedy("focal", loss="focal"),
        Remedy("balanced_softmax", loss="balanced_softmax"),
        Remedy("logit_adjusted", loss="logit_adjusted"),
        Remedy("vector_scaling", loss="vector_scaling"),
        Remedy("ldam_drw", loss="ldam", callbacks=_deferred, network=cosine_head),
        Remedy("balanced_sampler", sampler="balanced"),
        Remedy("square_root_sampler", sampler="square_root"),
        Remedy("progressive_sampler", sampler="progressive"),
        Remedy("crt", callbacks=_retraining),
        Remedy("posthoc", of="none", decide_for="uniform"),
        Remedy("tau_norm", of="none", callbacks=_tau),
        Remedy("smote", training_data=smote),
        Remedy("mixup", batch_transform="mixup"),
        Remedy("remix", batch_transform="remix"),
        Remedy("cutmix_minority", batch_transform="cutmix_minority"),
    )
}


def resolve(remedies: Sequence[str | Remedy], baseline: str) -> tuple[Remedy, ...]:
    """Return what is to be compared, the baseline first.

    Args:
        remedies: Names or remedies of one's own.
        baseline: Name of the one that the others are compared with.

    Returns:
        The remedies.

    Raises:
        TypeError: One is neither.
        ValueError: A name is unknown or comes twice; the baseline, or one whose networks are taken, is not there; or
            there is nothing to compare with it.

    Example:
        >>> [remedy.name for remedy in resolve(["weighted", "none"], "none")]
        ['none', 'weighted']
    """
    if isinstance(remedies, str):
        msg = f"`remedies` must be a list of names, got one string: {remedies!r}."
        raise TypeError(msg)
    found: dict[str, Remedy] = {}
    for each in remedies:
        remedy = _one(each)
        same = next((name for name in found if name.lower() == remedy.name.lower()), None)
        if same is not None:
            got = (
                f"{same!r} twice" if same == remedy.name else f"{same!r} and {remedy.name!r}, one folder on many disks"
            )
            msg = f"`remedies` must have different names, got {got}."
            raise ValueError(msg)
        found[remedy.name] = remedy
    if baseline not in found:
        msg = f"`remedies` must contain the baseline, {baseline!r}, got {list(found)}. Or pass another `baseline`."
        raise ValueError(msg)
    for remedy in found.values():
        if remedy.of is not None and (remedy.of not in found or found[remedy.of].of is not None):
            msg = (
                f"`remedies` must contain {remedy.of!r}, trained, for {remedy.name!r}, which takes its networks, got "
                f"{list(found)}."
            )
            raise ValueError(msg)
    if len(found) < 2:  # the baseline and another one
        msg = f"`remedies` must contain another one beside the baseline, got {list(found)}."
        raise ValueError(msg)
    if found[baseline].of is not None:
        msg = f"`baseline` must be trained, got {baseline!r}, which takes the networks of {found[baseline].of!r}."
        raise ValueError(msg)
    return (found.pop(baseline), *found.values())


def _one(remedy: object) -> Remedy:
    if isinstance(remedy, Remedy):
        return remedy
    if not isinstance(remedy, str):
        msg = f"`remedies` must be names or instances of Remedy, got {type(remedy).__name__}: {remedy!r}."
        raise TypeError(msg)
    if remedy not in NAMED:
        nearest = difflib.get_close_matches(remedy, NAMED, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        msg = f"`remedies` must be of {', '.join(map(repr, NAMED))}, or instances of Remedy, got {remedy!r}.{hint}"
        raise ValueError(msg)
    return NAMED[remedy]


def _words(value: object) -> str:
    """Return what a setting is, the same in every process: no address in memory."""
    name = getattr(value, "__qualname__", None)
    return repr(value) if name is None else f"{getattr(value, '__module__', '')}.{name}"


def _words_of_callback(callback: L.Callback) -> str:
    simple = (bool, int, float, str, list, tuple, type(None))
    settings = {
        name: value for name, value in vars(callback).items() if not name.startswith("_") and isinstance(value, simple)
    }
    return f"{type(callback).__qualname__}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"
