"""What the classes of a data set mean for training and for validation, before anything is trained."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from lightning_imbalance.checks import listed
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.wilson import wilson_interval
from lightning_imbalance.prior import effective_prior
from lightning_imbalance.tables import Column, Table
from lightning_imbalance.weighting import SCHEMES, class_weights

_TOO_WIDE = 0.4
_NEARLY_BALANCED = 1.5
_WEIGHTS_ARE_CALM = 20.0
_FEW = 20


@dataclass(frozen=True)
class SchemeEffect:
    """What one weighting scheme does.

    Attributes:
        name: The name of the scheme.
        weights: One weight a class, shape ``(C,)``.
        effective_prior: The class prior that a model trained with them believes in, shape ``(C,)``.
        ratio: That prior of the most frequent class over that of the rarest that has samples: 1 where the scheme makes
            both equally likely, the imbalance ratio where it changes nothing.
    """

    name: str
    weights: Tensor
    effective_prior: Tensor
    ratio: float


@dataclass(frozen=True)
class Suggestion:
    """What to try first, and why.

    Attributes:
        weighting: Weighting scheme.
        loss: Loss.
        reason: The reason.
    """

    weighting: str
    loss: str
    reason: str

    @property
    def sentence(self) -> str:
        """All of it in words.

        Example:
            >>> Suggestion("balanced", "cross_entropy", "There is much to correct.").sentence
            "weighting 'balanced' with the loss 'cross_entropy'. There is much to correct."
        """
        return f"weighting {self.weighting!r} with the loss {self.loss!r}. {self.reason}"


@dataclass(frozen=True)
class Inspection:
    """The classes of a data set and what follows from them.

    Args:
        train: The classes of the training data.
        validation_samples: Samples of each class that validate, shape ``(C,)``, or ``None`` where nobody knows.

    Example:
        >>> looked_at = Inspection(ClassDistribution([600, 60, 6]), torch.tensor([90, 9, 1]))
        >>> looked_at.suggestion.loss
        'logit_adjusted'
        >>> [f"{effect.name} {effect.ratio:.0f}" for effect in looked_at.schemes[:3]]
        ['uniform 100', 'balanced 1', 'complement 10']
    """

    train: ClassDistribution
    validation_samples: Tensor | None = None

    @property
    def ratio(self) -> str:
        """The imbalance ratio as people read it."""
        return _short(self.train.imbalance_ratio)

    @property
    def interval_widths(self) -> Tensor | None:
        """Width of the 95 % interval that each class's recall will have, shape ``(C,)``; NaN without samples.

        It is that at a recall of one half, where it is widest (Wilson 1927).
        """
        if self.validation_samples is None:
            return None
        trials = self.validation_samples.double()
        low, high = wilson_interval(trials / 2, trials)
        return high - low

    @cached_property
    def schemes(self) -> tuple[SchemeEffect, ...]:
        """What each scheme does, in the order of :data:`~lightning_imbalance.weighting.SCHEMES`.

        Raises:
            ValueError: Fewer than two classes have samples.
        """
        first, last = int(self.train.counts.argmax()), self.train.rarest
        effects = []
        for name in SCHEMES:
            with warnings.catch_warnings():
                # Classes without samples are named in `warnings`, once and not for each scheme.
                warnings.filterwarnings("ignore", message="no training sample of class")
                weights = class_weights(self.train, name)
            prior = effective_prior(self.train, weights)
            effects.append(SchemeEffect(name, weights, prior, float(prior[first] / prior[last])))
        return tuple(effects)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What will go wrong, in sentences: classes that are absent, or too small to validate."""
        names, found = self.train.class_names, []
        if self.train.absent:
            absent = listed([names[index] for index in self.train.absent])
            found.append(f"No training sample of {absent}: no remedy can teach a class that is not there.")
        widths, samples = self.interval_widths, self.validation_samples
        if widths is None or samples is None:
            return tuple(found)
        without = [names[i] for i, count in enumerate(samples.tolist()) if count == 0 and i not in self.train.absent]
        if without:
            found.append(f"No validation sample of {listed(without)}: nobody will see whether it is found.")
        wide = [index for index, width in enumerate(widths.tolist()) if width > _TOO_WIDE]
        if wide:
            worst = max(wide, key=lambda index: float(widths[index]))
            count = int(samples[worst])
            found.append(
                f"Too few validation samples to measure the recall of {listed([names[index] for index in wide])}: of "
                f"{names[worst]!r} there {'is' if count == 1 else 'are'} {count:,}, and the 95 % interval of its "
                f"recall will be {widths[worst]:.2f} wide. Validate on more, or across several splits."
            )
        return tuple(found)

    @property
    def complement(self) -> str:
        """What the scheme ``complement`` does, in numbers: many write it by hand, and it often does next to nothing."""
        ratio = next(effect.ratio for effect in self.schemes if effect.name == "complement")
        return (
            f"The weights 1 - n_c/n ('complement') take the ratio from {self.ratio} to "
            f"{_short(ratio)}; 'balanced' takes it to 1."
        )

    @property
    def suggestion(self) -> Suggestion:
        """What to try first, and why. Whether it helps on these data only a comparison says."""
        ratio, rarest = self.train.imbalance_ratio, self.train.rarest
        count, name = int(self.train.counts[rarest]), self.train.class_names[rarest]
        times = f"The most frequent class has {_short(ratio)} times the samples of the rarest"
        if ratio < _NEARLY_BALANCED:
            return Suggestion("uniform", "cross_entropy", f"{times}: there is little to correct.")
        few = f" No remedy replaces samples: of {name!r} there {'is' if count == 1 else 'are'} {count:,}."
        tail = few if count < _FEW else ""
        if ratio <= _WEIGHTS_ARE_CALM:
            reason = (
                f"{times}. Balanced weights make all classes equally likely for the model, and a sample of the rarest "
                f"counts {_short(ratio)} times one of the most frequent, which trains calmly."
            )
            return Suggestion("balanced", "cross_entropy", reason + tail)
        reason = (
            f"{times}. Balanced weights would let a single sample of {name!r} count {_short(ratio)} times one of the "
            "most frequent class, and training easily becomes unstable. The logit-adjusted loss reaches the same class "
            "prior without weighing single samples."
        )
        return Suggestion("uniform", "logit_adjusted", reason + tail)

    def classes_table(self) -> Table:
        """Return the classes: count, share, group, and how well the recall of each can be measured."""
        group = {index: name for name, members in self.train.groups().items() for index in members}
        counts, shares = self.train.counts.tolist(), self.train.priors.tolist()
        columns = [Column("class", "left"), Column("count"), Column("share"), Column("group", "left")]
        cells = [
            [name, f"{counts[index]:,}", _percent(shares[index]), group[index]]
            for index, name in enumerate(self.train.class_names)
        ]
        samples, widths = self.validation_samples, self.interval_widths
        if samples is not None and widths is not None:
            columns += [Column("validation"), Column("recall, 95 %")]
            for row, count, width in zip(cells, samples.tolist(), widths.tolist(), strict=True):
                row += [f"{int(count):,}", f"{width:.2f} wide" if count else "-"]
        title = f"{self.train.num_classes:,} classes, {self.train.num_samples:,} samples, imbalance ratio {self.ratio}"
        return Table(tuple(columns), tuple(map(tuple, cells)), title)

    def schemes_table(self) -> Table:
        """Return what each weighting scheme does to the most frequent class and to the rarest that has samples."""
        first, last = int(self.train.counts.argmax()), self.train.rarest
        rows = tuple(
            (
                effect.name,
                f"{_short(float(effect.weights[last] / effect.weights[first]))} x",
                _percent(float(effect.effective_prior[first])),
                _percent(float(effect.effective_prior[last])),
                f"{_short(effect.ratio)} : 1",
            )
            for effect in self.schemes
        )
        names = self.train.class_names
        columns = (
            Column("weighting", "left"),
            Column("rare weighs"),
            Column("prior, frequent"),
            Column("prior, rare"),
            Column("ratio"),
        )
        title = "Class prior that each weighting makes a model believe in"
        return Table(columns, rows, title, f"frequent: {names[first]!r}, rare: {names[last]!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain strings, numbers and lists; what nobody knows is ``None``."""
        group = {index: name for name, members in self.train.groups().items() for index in members}
        widths, samples = self.interval_widths, self.validation_samples
        return {
            **self.train.to_dict(),
            "class_names": list(self.train.class_names),
            "shares": self.train.priors.tolist(),
            "groups": [group[index] for index in range(self.train.num_classes)],
            "imbalance_ratio": self.train.imbalance_ratio,
            "absent": [self.train.class_names[index] for index in self.train.absent],
            "validation_samples": None if samples is None else [int(count) for count in samples.tolist()],
            "recall_interval_widths": None
            if widths is None
            else [None if width != width else width for width in widths.tolist()],  # noqa: PLR0124  # NaN is no JSON
            "schemes": {
                effect.name: {
                    "weights": effect.weights.tolist(),
                    "effective_prior": effect.effective_prior.tolist(),
                    "ratio": effect.ratio,
                }
                for effect in self.schemes
            },
            "warnings": list(self.warnings),
            "suggestion": {
                "weighting": self.suggestion.weighting,
                "loss": self.suggestion.loss,
                "reason": self.suggestion.reason,
            },
        }


def split_off(train: ClassDistribution, share: float = 0.15) -> Tensor:
    """Return how many samples of each class a stratified split leaves to validate.

    Args:
        train: The classes of all samples.
        share: Share of the samples that validate; the ready datamodules take 0.15 unless told otherwise.

    Returns:
        Shape ``(C,)``, int64: the largest remainder, and one at least of a class that has as many samples as parts.

    Example:
        >>> split_off(ClassDistribution([600, 60, 6]))
        tensor([90,  9,  1])
    """
    counts = train.counts.double()
    return torch.where(counts >= 3, (counts * share).round().clamp(min=1), (counts * share).round()).long()


def _short(ratio: float) -> str:
    return f"{ratio:.3g}" if ratio < 999.5 else f"{ratio:,.0f}"  # 999.6 would become 1e+03


def _percent(share: float) -> str:
    # One of 1,000 classes has a share that a fixed number of digits would take for 0.
    return f"{share:.1%}" if share >= 0.001 or share == 0 else f"{100 * share:.2g}%"
