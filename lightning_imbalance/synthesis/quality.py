"""Whether generated samples are of their class, new, various, and of use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lightning_imbalance.functional.confusion_counts import confusion_counts
from lightning_imbalance.functional.distances import mean_distance, nearest_distances, share_closer
from lightning_imbalance.functional.paired import balanced_accuracy_difference
from lightning_imbalance.functional.recall import balanced_accuracy, class_recall
from lightning_imbalance.small_networks import small_network
from lightning_imbalance.synthesis.data_range import DataRange
from lightning_imbalance.synthesis.quality_report import Likeness, QualityReport
from lightning_imbalance.synthesis.real_samples import require_real_samples
from lightning_imbalance.synthesis.sample_form import in_memory
from lightning_imbalance.synthesis.sample_shape import check_widths
from lightning_imbalance.synthesis.synthetic_dataset import SyntheticDataset
from lightning_imbalance.synthesis.trials import run_trials

if TYPE_CHECKING:
    from torch.utils.data import Dataset

_COPY = 0.1


def quality_report(
    dataset: SyntheticDataset,
    held_out: Dataset[Any],
    *,
    network: Callable[[], nn.Module] | None = None,
    judge: nn.Module | None = None,
    runs: int = 5,
    steps: int = 300,
    seed: int = 0,
) -> QualityReport:
    """Measure generated samples against real ones that the generator has not seen.

    **Of their class?** A classifier that was trained on real samples says of which class they are. Its own recall on
    the held-out samples stands beside, since it is no better a judge than that.

    **New?** The distance of each generated sample to the nearest training sample of its class, beside the distance of
    held-out samples; :func:`~lightning_imbalance.functional.share_closer` compares the two. A generated sample nearer
    than a tenth of the held-out median is counted as a copy.

    **Various?** The mean distance of two generated samples of a class over that of two held-out ones.

    **Of use?** Classifiers are trained on the real samples, on real samples repeated to the same number a class, and on
    real and generated ones: each ``runs`` times, from the same networks and for as many steps. The difference in
    balanced accuracy on the held-out samples is given with its interval
    (:func:`~lightning_imbalance.functional.balanced_accuracy_difference`).

    Everything is read into memory. Distances are those of pixels from -1 to 1, or of columns divided by their standard
    deviation. The classifiers are small: another one may gain more or less.

    Args:
        dataset: Real and generated samples.
        held_out: Real samples that the generator has not seen, such as the validation part. Not those on which a result
            is reported later, where this report decides something.
        network: Makes a classifier with random weights, for inputs scaled as above; by default a small one: three
            convolutions, or a hidden layer.
        judge: A classifier trained on real samples, which says of which class the generated ones are; takes inputs as
            they are. By default those of this report that were trained on repeated real samples.
        runs: How many classifiers of each kind, from 2 on.
        steps: Optimizer steps of each.
        seed: Seed of the first run.

    Returns:
        The figures; they print as a table with a verdict.

    Raises:
        TypeError: A sample has another form.
        ValueError: Held-out samples are synthetic, of another shape or of another class.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> class Noise:
        ...     def generate(self, counts, seed):
        ...         target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        ...         return torch.rand(len(target), 2) + target[:, None], target
        >>> def real(counts):
        ...     target = torch.arange(2).repeat_interleave(torch.tensor(counts))
        ...     return TensorDataset(torch.rand(len(target), 2) + target[:, None], target)
        >>> report = quality_report(SyntheticDataset(real([40, 5]), Noise()), real([20, 20]), runs=2, steps=50)
        >>> report.likeness[1].generated, report.gain.difference > -0.5
        (35, True)
    """
    check_widths(2, runs=runs)
    check_widths(steps=steps)
    require_real_samples(held_out, "held-out")
    real, generated, unseen = in_memory(dataset.dataset), dataset.synthetic(), in_memory(held_out)
    num_classes = len(dataset.classes)
    if unseen[0].shape[1:] != real[0].shape[1:] or int(unseen[1].max()) >= num_classes:
        msg = (
            f"held-out samples must have shape {tuple(real[0].shape[1:])} and classes from 0 to {num_classes - 1}, got "
            f"shape {tuple(unseen[0].shape[1:])} and class {int(unseen[1].max())}."
        )
        raise ValueError(msg)
    judged = None if judge is None else (_decisions(judge, generated[0]), _decisions(judge, unseen[0]))
    scale = _scale(real[0])
    real, generated, unseen = ((scale(inputs), target) for inputs, target in (real, generated, unseen))
    shape = tuple(real[0].shape[1:])
    make_network = network or (lambda: small_network(shape, num_classes))
    trials = run_trials(real, generated, unseen[0], make_network, runs=runs, steps=steps, seed=seed)
    of_generated, of_unseen = judged or (trials.of_generated, trials.repeated)
    agreement, recall = (
        _recall(predicted, target, num_classes)
        for predicted, target in ((of_generated, generated[1]), (of_unseen, unseen[1]))
    )
    likeness = tuple(
        _likeness(
            name,
            agreement[index].item(),
            recall[index].item(),
            *(inputs[target == index] for inputs, target in (real, generated, unseen)),
        )
        for index, name in enumerate(dataset.classes)
    )
    accuracy = {
        name: tuple(balanced_accuracy(confusion_counts(run, unseen[1], num_classes)).item() for run in predicted)
        for name, predicted in trials._asdict().items()
        if name != "of_generated"
    }
    return QualityReport(
        likeness=likeness,
        accuracy=accuracy,
        gain=balanced_accuracy_difference(trials.real, trials.synthetic, unseen[1]),
        gain_over_repeating=balanced_accuracy_difference(trials.repeated, trials.synthetic, unseen[1]),
        held_out=len(unseen[1]),
    )


def _scale(inputs: Tensor) -> Callable[[Tensor], Tensor]:
    images = inputs.ndim == 4
    scale = DataRange((inputs.shape[1], 1, 1) if images else (inputs[0].numel(),))
    scale.measure([inputs if images else inputs.flatten(1)])
    return lambda values: scale.to_network(values if images else values.flatten(1))


@torch.no_grad()
def _decisions(judge: nn.Module, inputs: Tensor) -> Tensor:
    mode = judge.training
    decided: Tensor = judge.eval()(inputs).argmax(1)
    judge.train(mode)
    return decided[None]


def _recall(predicted: Tensor, target: Tensor, num_classes: int) -> Tensor:
    return class_recall(confusion_counts(predicted, target.expand_as(predicted), num_classes))


def _likeness(name: str, agreement: float, recall: float, real: Tensor, generated: Tensor, unseen: Tensor) -> Likeness:
    known = len(real) > 0
    near, usual = (nearest_distances(part, real)[0] if known else real.new_zeros(0) for part in (generated, unseen))
    # Too many zeros would make the median of few samples 0, and nothing a copy.
    limit = _COPY * usual.median() if len(usual) else torch.tensor(torch.nan)
    return Likeness(
        name=name,
        real=len(real),
        generated=len(generated),
        agreement=agreement,
        held_out_recall=recall,
        distance=near.median().item() if len(near) else torch.nan,
        held_out_distance=usual.median().item() if len(usual) else torch.nan,
        closer=share_closer(near, usual).item(),
        pairs=len(near) * len(usual),
        copies=int((near <= limit).sum()),
        variety=(mean_distance(generated) / mean_distance(unseen)).item(),
    )
