"""Under which class prior a model's probabilities are stated, and what they are under another."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.module import WeightedClassifier
from lightning_imbalance.prior import adjust_logits, log_prior


class StatedPrior(NamedTuple):
    """The class priors of a model.

    Attributes:
        training: The one that its training made it believe, shape ``(C,)``, float64; ``None`` where nobody knows.
        target: The one that its predictions are made for, where it was given one.
        unknown: Why ``training`` is ``None``, in a sentence; empty where it is known.

    Example:
        >>> import torch
        >>> StatedPrior(torch.tensor([0.5, 0.5]), None, "").believed
        tensor([0.5000, 0.5000])
    """

    training: Tensor | None
    target: Tensor | None
    unknown: str

    @property
    def believed(self) -> Tensor | None:
        """The one for which the predicted probabilities are right, where it is known."""
        return self.training if self.training is None or self.target is None else self.target


def stated_prior(model: WeightedClassifier, trained_with: str | None = None) -> StatedPrior:
    """Return what a model's probabilities are right for.

    Args:
        model: Fitted or loaded.
        trained_with: What the checkpoint says of its loss, where the model could not be given the same.

    Returns:
        The priors, or why there is none.

    Example:
        >>> import torch
        >>> model = WeightedClassifier(torch.nn.Identity(), num_classes=2, weighting="uniform")
        >>> model.adopt(ClassDistribution([90, 10]))
        >>> stated_prior(model).training
        tensor([0.9000, 0.1000], dtype=torch.float64)
    """
    distribution = _known(model)
    target = None if model.target_prior is None else log_prior(model.target_prior, distribution).exp()
    if trained_with is not None:
        why = (
            f"it was trained with the loss {trained_with}, which the checkpoint does not hold: give the model the same "
            "loss and report from Python."
        )
    elif distribution.task == "multilabel":
        why = "each label is a question of its own, with a prior of its own."
    elif model.posthoc:
        why = "what was fitted after training changes them."
    else:
        try:
            return StatedPrior(model.training_prior, target, "")
        except (ValueError, RuntimeError) as error:
            why = str(error)
    return StatedPrior(None, None, why)


def predicted_logits(model: WeightedClassifier, prior: StatedPrior, logits: Tensor) -> Tensor:
    """Return the logits that ``predict`` makes probabilities of: those for ``target_prior``, where there is one.

    Args:
        model: The model.
        prior: What :func:`stated_prior` says of it.
        logits: Shape ``(N, C)``; ``binary``: ``(N,)``.

    Returns:
        Shape of the logits, float64.

    Example:
        >>> import torch
        >>> model = WeightedClassifier(torch.nn.Identity(), num_classes=2, target_prior=[0.9, 0.1])
        >>> model.adopt(ClassDistribution([50, 50]))
        >>> predicted_logits(model, stated_prior(model), torch.zeros(1, 2)).softmax(1)
        tensor([[0.9000, 0.1000]], dtype=torch.float64)
    """
    values = model.transform_logits(logits.double())
    if prior.target is None or prior.training is None:
        return values
    return adjust_logits(values, prior.training.log(), prior.target.log(), model.task)


def for_shares(values: Tensor, prior: StatedPrior, samples: Tensor, distribution: ClassDistribution) -> Tensor | None:
    """Return predicted logits as they would be for classes that occur as often as in the samples.

    Only these can be on the diagonal of a reliability diagram of the samples: probabilities that are right where all
    classes are equally likely say too much of the rare ones where they are rare.

    Args:
        values: What :func:`predicted_logits` returns.
        prior: The prior that they are stated for.
        samples: Samples of each class, shape ``(C,)``.
        distribution: The training data's classes.

    Returns:
        Shape of ``values``; ``None`` where the prior is not known, or where there are samples of a class that it leaves
        out or that was not trained on.

    Example:
        >>> import torch
        >>> prior = StatedPrior(torch.tensor([0.5, 0.5]), None, "")
        >>> for_shares(torch.zeros(1, 2), prior, torch.tensor([90, 10]), ClassDistribution([5, 5])).softmax(1)
        tensor([[0.9000, 0.1000]])
    """
    if prior.believed is None:
        return None
    there = samples > 0
    if bool((there & ((prior.believed == 0) | (distribution.counts == 0))).any()):
        return None
    shares = samples.double() / samples.sum()
    return adjust_logits(values, prior.believed.double().log(), shares.log(), distribution.task)


def _known(model: WeightedClassifier) -> ClassDistribution:
    assert model.distribution is not None, "measuring has asked for it"  # noqa: S101  # for the type checker
    return model.distribution
