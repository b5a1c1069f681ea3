"""From what a user writes about the classes' shares to a checked log prior."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lightning_imbalance.checks import values_in_order
from lightning_imbalance.distribution import ClassDistribution

# In the order in which LightningCLI tries them.
Prior = Sequence[float] | Mapping[str, float] | Tensor | str

TOLERANCE = 0.005
"""How far the sum of probabilities may be from 1: shares that were rounded by hand, or computed in half precision."""

_NAMES = ("train", "uniform")


def log_prior(target: Prior, distribution: ClassDistribution) -> Tensor:
    """Return the natural logarithm of a class prior that was given in words or numbers.

    A class without training samples gets ``-inf`` from ``"train"`` and from ``"uniform"``: a model cannot know it.

    Args:
        target: One of

            - ``"train"``: the classes' shares in the training data;
            - ``"uniform"``: the same share for each class that has training samples;
            - C probabilities: a list, an array or a tensor;
            - a mapping from class name (or index) to probability, one entry a class.

            Numbers must sum to 1 within 0.005 and are divided by their sum. 0 says that a class cannot occur.
        distribution: The training data's classes. ``binary`` has two entries, negative then positive.

    Returns:
        The logarithm, shape ``(C,)``, float64, on the CPU; its exponential sums to 1.

    Raises:
        TypeError: ``target`` is none of the above.
        ValueError: The name is unknown; a probability is missing, NaN or outside [0, 1]; they do not sum to 1; a class
            without training samples has one above 0; the labels are ``multilabel``, where classes do not exclude
            each other.

    Example:
        >>> distribution = ClassDistribution([900, 100], class_names=["healthy", "ill"], task="binary")
        >>> log_prior({"healthy": 0.995, "ill": 0.005}, distribution).exp()
        tensor([0.9950, 0.0050], dtype=torch.float64)
        >>> log_prior("train", distribution).exp()
        tensor([0.9000, 0.1000], dtype=torch.float64)
    """
    if distribution.task == "multilabel":
        msg = (
            "the distribution must be of classes that exclude each other, got task 'multilabel'. "
            'Make a `ClassDistribution` of two counts and `task="binary"` for each label.'
        )
        raise ValueError(msg)
    names = distribution.class_names
    if isinstance(target, str):
        return _named(target, distribution)
    if isinstance(target, Mapping):
        target = values_in_order(target, names, "prior", "probability")
    prior = checked_prior(target, "the prior", names)
    unseen = [i for i in distribution.absent if prior[i] > 0]
    if unseen:
        msg = (
            "the prior must be 0 for a class without training samples, which the model cannot know, "
            f"got {prior[unseen[0]].item():.6g} for class {names[unseen[0]]!r}."
        )
        raise ValueError(msg)
    return prior.log()


def checked_prior(values: object, argument: str, class_names: Sequence[object]) -> Tensor:
    """Return probabilities as a tensor after checking that they are one a class and sum to 1.

    Args:
        values: A list, an array or a tensor.
        argument: What they are, as the message calls it.
        class_names: One name a class, or its index.

    Returns:
        The probabilities divided by their sum, shape ``(C,)``, float64, on the CPU.

    Raises:
        TypeError: They are no numbers.
        ValueError: They are of the wrong number, NaN or outside [0, 1], or sum to something else than 1.

    Example:
        >>> checked_prior([0.333, 0.333, 0.333], "the prior", ["cat", "dog", "eel"])
        tensor([0.3333, 0.3333, 0.3333], dtype=torch.float64)
    """
    try:
        # Python's numbers are not float32, which as_tensor would make of them.
        given = values if isinstance(values, Tensor) else torch.as_tensor(values, dtype=torch.float64)
        prior = given.detach().cpu().double()
    except (TypeError, ValueError, RuntimeError):
        msg = f"{argument} must be one probability a class, got {type(values).__name__}: {values!r}."
        raise TypeError(msg) from None
    if prior.shape != (len(class_names),):
        msg = (
            f"{argument} must have one probability for each of the {len(class_names)} classes, "
            f"got shape {tuple(prior.shape)}."
        )
        raise ValueError(msg)
    total = prior.sum().item()
    bad = ~(prior >= 0) | prior.isinf()  # in this form for NaN
    if bad.any():
        index = int(bad.int().argmax())
        got = f"{prior[index].item()} for class {class_names[index]!r}"
        msg = f"{argument} must have probabilities from 0 to 1, got {got}."
        raise ValueError(msg)
    if abs(total - 1) > TOLERANCE:
        msg = f"{argument} must sum to 1, got a sum of {total:.6g}. Divide counts or percentages by their sum."
        raise ValueError(msg)
    return prior / total


def _named(name: str, distribution: ClassDistribution) -> Tensor:
    if name == "train":
        return distribution.log_priors
    if name == "uniform":
        present = (distribution.counts > 0).double()
        return (present / present.sum()).log()
    nearest = difflib.get_close_matches(name, _NAMES, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    msg = f"the prior must be 'train', 'uniform', or one probability a class, got {name!r}.{hint}"
    raise ValueError(msg)
