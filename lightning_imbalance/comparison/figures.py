"""What is measured on the test part, on all of it and on many draws from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional import recall
from lightning_imbalance.functional.calibration_bins import bin_of
from lightning_imbalance.functional.confusion_counts import ConfusionCounts
from lightning_imbalance.functional.paired import ChangeMoments, change_of_balanced_accuracy
from lightning_imbalance.functional.stratified_bootstrap import stratified_draws

DECIDED_ON = ("balanced_accuracy", "worst_class_recall", "macro_f1")
"""Figures that can decide a comparison: the larger the better, and logged on validation data by the same name."""

LESS_IS_BETTER = frozenset({"log_loss", "expected_calibration_error"})

_BINS = 15
_DRAWS = 1000
_NUMBERS_AT_ONCE = 4_000_000


class Evidence(NamedTuple):
    """What one run says about each of N test samples.

    Attributes:
        predicted: The class it decides for, shape ``(N,)``, int64.
        log_loss: Minus the logarithm of the true class's probability, shape ``(N,)``, float64.
        confidence: Probability of the most probable class, shape ``(N,)``, float64.
        confident_in: That class, shape ``(N,)``. It differs from ``predicted`` where decisions are made for another
            class prior than probabilities.

    Example:
        >>> Evidence(torch.tensor([1]), torch.tensor([0.1]), torch.tensor([0.9]), torch.tensor([1])).predicted
        tensor([1])
    """

    predicted: Tensor
    log_loss: Tensor
    confidence: Tensor
    confident_in: Tensor


class Judge:
    """Measures runs on the samples of one test part.

    ``log_loss`` and ``expected_calibration_error`` are means over samples that count as often as their class occurs in
    the training data: probabilities are compared where they claim to be right, whatever the shares of the test part.

    Args:
        target: The classes of the test samples, shape ``(N,)``.
        trained_on: The training data's classes, which say the groups and the shares.

    Attributes:
        target: The classes.
        names: The figures that can be measured, in the order of a table.

    Example:
        >>> judge = Judge(torch.tensor([0, 0, 1]), ClassDistribution([30, 10]))
        >>> sure = Evidence(torch.tensor([0, 1, 1]), *torch.zeros(2, 3).double(), torch.tensor([0, 1, 1]))
        >>> {name: round(value, 3) for name, value in judge.figures(sure).items()}["balanced_accuracy"]
        0.75
    """

    def __init__(self, target: Tensor, trained_on: ClassDistribution) -> None:
        self.target = target
        self._classes = trained_on.num_classes
        counts = torch.bincount(target, minlength=self._classes)
        tested = counts > 0
        groups = {name: torch.tensor(members) for name, members in trained_on.groups().items() if members}
        self._groups = {name: members for name, members in groups.items() if bool(tested[members].any())}
        shares = trained_on.priors / counts.clamp_min(1)
        self._share = shares[target] / shares[target].sum()
        group_names = [f"recall_{name}" for name in self._groups]
        self.names = (*DECIDED_ON, *group_names, "log_loss", "expected_calibration_error")

    def figures(self, evidence: Evidence) -> dict[str, float]:
        """Return the figures of a run.

        Args:
            evidence: What it says.

        Returns:
            One number a name.
        """
        once = torch.ones(1, len(self.target), dtype=torch.float64)
        return {name: values.item() for name, values in self._measured(evidence, once).items()}

    def changes(
        self, baseline: Sequence[Evidence], others: Sequence[Sequence[Evidence]]
    ) -> Mapping[str, ChangeMoments]:
        """Return how much K ways of training changed each figure, run by run.

        That of the balanced accuracy has a closed form, which holds in classes of few samples too; the covariance of
        the others is that of 1,000 draws of the samples.

        Args:
            baseline: Of R runs.
            others: Of R runs each, in the order of the seeds too.

        Returns:
            The moments by the name of the figure.
        """
        groups = [baseline, *others]
        once = torch.ones(1, len(self.target), dtype=torch.float64)
        exact = self._over_runs(groups, once)
        generator = torch.Generator().manual_seed(0)
        rows = max(1, _NUMBERS_AT_ONCE // len(self.target))
        parts = [
            self._over_runs(groups, stratified_draws(self.target, min(rows, _DRAWS - begin), generator))
            for begin in range(0, _DRAWS, rows)
        ]
        found = {}
        for name in self.names:
            drawn = torch.cat([part[name] for part in parts])
            drawn = (drawn[:, 1:] - drawn[:, :1]).flatten(1)
            per_run = (exact[name][0, 1:] - exact[name][0, :1]).double()
            shape = (*per_run.shape, *per_run.shape)
            covariance = torch.cov(drawn.T).reshape(shape)
            found[name] = ChangeMoments(per_run, per_run.mean(1), covariance)
        right = torch.stack([torch.stack([run.predicted == self.target for run in group]) for group in groups]).double()
        found["balanced_accuracy"] = change_of_balanced_accuracy(right[1:] - right[:1], self.target)
        return found

    def _over_runs(self, groups: Sequence[Sequence[Evidence]], weights: Tensor) -> dict[str, Tensor]:
        """Return each figure with shape ``(B, K + 1, R)``."""
        measured = [[self._measured(run, weights) for run in group] for group in groups]
        return {
            name: torch.stack([torch.stack([run[name] for run in group], 1) for group in measured], 1)
            for name in self.names
        }

    def _measured(self, evidence: Evidence, weights: Tensor) -> dict[str, Tensor]:
        """Return each figure for B weights of the samples, shape ``(B,)`` each."""
        target = self.target
        right = (evidence.predicted == target).double()
        decided = evidence.predicted >= 0
        empty = weights.new_zeros(len(weights), self._classes)
        samples = empty.index_add(1, target, weights)
        counts = ConfusionCounts(
            true_positives=empty.index_add(1, target, weights * right),
            predictions=empty.index_add(1, evidence.predicted.clamp_min(0), weights * decided),
            samples=samples,
            total=empty,
            undecided=empty,
        )
        values: dict[str, Tensor] = {name: torch.vmap(getattr(recall, name))(counts) for name in DECIDED_ON}
        recalls = counts.true_positives / samples
        for name, members in self._groups.items():
            values[f"recall_{name}"] = recalls[:, members].nanmean(1)
        # A class without training samples has probability 0 and an infinite loss, and counts nothing here.
        shared = weights * self._share
        total = shared.sum(1)
        loss = torch.where(self._share > 0, evidence.log_loss, 0.0)
        values["log_loss"] = shared @ loss / total
        gap = (evidence.confident_in == target).double() - evidence.confidence
        bins = weights.new_zeros(len(weights), _BINS).index_add(1, bin_of(evidence.confidence, _BINS), shared * gap)
        values["expected_calibration_error"] = bins.abs().sum(1) / total
        return values
