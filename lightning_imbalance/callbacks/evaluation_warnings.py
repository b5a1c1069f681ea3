"""What an evaluation could not measure, in one sentence each."""

from __future__ import annotations

from lightning_imbalance.checks import listed
from lightning_imbalance.class_report import ClassReport


def absence(key: str, report: ClassReport) -> str | None:
    """Name the classes that have no sample.

    Args:
        key: The evaluation, such as ``val``.
        report: Its figures.

    Returns:
        The warning; ``None`` where each class has samples.

    Example:
        >>> import torch
        >>> from lightning_imbalance.functional import confusion_counts
        >>> counts = confusion_counts(torch.tensor([0]), torch.tensor([0]), num_classes=2)
        >>> absence("val", ClassReport(counts, ("cat", "dog")))
        "no val sample of class 'dog': its recall is not logged, and no mean of recalls contains it."
    """
    if not report.absent:
        return None
    effect = "its recall is not logged, and no mean of recalls contains it"
    return f"no {key} sample of class {listed(report.absent)}: {effect}."


def indecision(key: str, report: ClassReport) -> str | None:
    """Name the classes with samples whose logits are NaN, and say what can be done.

    Args:
        key: The evaluation, such as ``val``.
        report: Its figures.

    Returns:
        The warning; ``None`` where each sample has a prediction.

    Example:
        >>> import torch
        >>> from lightning_imbalance.functional import confusion_counts
        >>> counts = confusion_counts(torch.tensor([-1]), torch.tensor([0]), num_classes=2)
        >>> indecision("val", ClassReport(counts, ("cat", "dog")))
        "the logits or probabilities of val samples must be numbers, got NaN: 1 of 1 for 'cat'. Such samples count as
        ..."
    """
    undecided = report.undecided
    if not undecided:
        return None
    effect = "labels count as not predicted" if report.task == "multilabel" else "samples count as missed"
    shares = [f"{n:,} of {among:,} for {name!r}" for name, (n, among) in undecided.items()]
    shown = ", ".join(shares[:10]) + (f", ... ({len(shares)} classes)" if len(shares) > 10 else "")
    return (
        f"the logits or probabilities of {key} samples must be numbers, got NaN: {shown}. Such {effect}. "
        "Lower the learning rate, clip the gradients with `Trainer(gradient_clip_val=1.0)`, or find the operation "
        "that gives NaN with `Trainer(detect_anomaly=True)`."
    )
