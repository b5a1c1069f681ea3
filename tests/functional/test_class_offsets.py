from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from lightning_imbalance.functional import best_offsets, best_thresholds, decide_by_offsets, decide_by_thresholds


def drawn(n: int, classes: int, seed: int):
    """Probabilities that favour class 0, and targets that were drawn from fairer ones."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, classes, generator=generator, dtype=torch.float64)
    target = torch.multinomial((2 * logits).softmax(1), 1, generator=generator).squeeze(1)
    return (logits - torch.arange(classes)).softmax(1), target


def plain_recall(log_probabilities, target, offsets):
    """Mean recall, one sample after the other."""
    found = {c: [] for c in set(target)}
    for row, y in zip(log_probabilities, target, strict=True):
        moved = [v + o for v, o in zip(row, offsets, strict=True)]
        found[y].append(moved.index(max(moved)) == y)
    return sum(sum(hits) / len(hits) for hits in found.values()) / len(found)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("seed", range(3))
def test_no_cut_of_one_class_is_better(classes, seed):
    probabilities, target = drawn(40, classes, seed)

    offsets = best_offsets(probabilities, target, force=True).tolist()

    rows, truth = probabilities.log().tolist(), target.tolist()
    reached = plain_recall(rows, truth, offsets)
    assert reached > plain_recall(rows, truth, [0.0] * classes)
    for c in range(classes):
        rivals = [max(v + o for k, (v, o) in enumerate(zip(row, offsets, strict=True)) if k != c) for row in rows]
        cuts = sorted(rival - row[c] for rival, row in zip(rivals, rows, strict=True))
        tried = [cuts[0] - 1, cuts[-1] + 1, *(sum(pair) / 2 for pair in itertools.pairwise(cuts))]
        assert all(
            plain_recall(rows, truth, [*offsets[:c], cut, *offsets[c + 1 :]]) <= reached + 1e-12 for cut in tried
        )


@given(st.integers(0, 10_000))
def test_of_two_classes_it_is_as_good_as_the_best_threshold(seed):
    probabilities, target = drawn(30, 2, seed)
    threshold = best_thresholds(probabilities[:, 1], target, force=True)

    predicted = decide_by_offsets(probabilities, best_offsets(probabilities, target, force=True))

    if len(target.unique()) == 2:
        assert balanced_accuracy_score(target, predicted) == pytest.approx(
            balanced_accuracy_score(target, decide_by_thresholds(probabilities[:, 1], threshold))
        )


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), min_size=1))
def test_it_is_never_worse_than_no_offsets_whatever_ties_there_are(samples):
    counts = torch.tensor([sample[:3] for sample in samples], dtype=torch.float64)
    counts[counts.sum(1) == 0] = 1
    probabilities, target = counts / counts.sum(1, keepdim=True), torch.tensor([sample[3] for sample in samples])

    offsets = best_offsets(probabilities, target, force=True)

    rows, truth = probabilities.clamp_min(1e-300).log().tolist(), target.tolist()
    reached = plain_recall(rows, truth, offsets.tolist())
    assert reached >= plain_recall(rows, truth, [0.0] * 3) - 1e-12
    assert bool(offsets.isfinite().all())
    assert offsets.sum().item() == pytest.approx(0, abs=1e-6)


def test_an_offset_that_the_logits_lack_is_found():
    probabilities, target = drawn(4000, 3, 0)

    offsets = best_offsets(probabilities, target)

    assert (offsets - torch.tensor([-1.0, 0.0, 1.0])).abs().max() < 0.2


def test_nothing_moves_where_nothing_is_better():
    assert best_offsets(torch.eye(3) * 0.4 + 0.2, torch.arange(3), force=True).tolist() == [0, 0, 0]


def test_pixels_are_samples_and_ignored_ones_are_not():
    probabilities, target = drawn(48, 3, 1)
    target[::5] = -1
    pictures = probabilities.view(3, 4, 4, 3).movedim(-1, 1)

    offsets = best_offsets(pictures, target.view(3, 4, 4), force=True, ignore_index=-1)

    alone = best_offsets(probabilities[target >= 0], target[target >= 0], force=True)
    assert torch.equal(offsets, alone)
    assert torch.equal(decide_by_offsets(pictures, offsets).flatten(), decide_by_offsets(probabilities, offsets))


def test_a_class_without_samples_is_let_through_by_force():
    probabilities, target = drawn(40, 3, 1)
    target[target == 2] = 0

    offsets = best_offsets(probabilities, target, force=True)

    assert bool(offsets.isfinite().all())


def test_impossible_and_certain_classes_are_no_obstacle():
    probabilities = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.9, 0.1], [0.8, 0.2]])

    offsets = best_offsets(probabilities, torch.tensor([0, 1, 0, 1]), force=True)

    assert decide_by_offsets(probabilities, offsets).tolist() == [0, 1, 0, 1]


def test_too_few_samples_are_refused_with_their_counts():
    with pytest.raises(ValueError) as error:
        best_offsets(torch.rand(3, 3), torch.tensor([0, 0, 2]), min_samples=2, class_names=["a", "b", "c"])

    assert str(error.value) == (
        "at least 2 held-out samples of each class must be there to tune on, got 0 of 'b', 1 of 'c'. What is best on few is chance: hold out more, or pass `force=True`."
    )


def test_targets_of_another_shape_are_refused():
    with pytest.raises(ValueError) as error:
        best_offsets(torch.rand(3, 3), torch.zeros(3, 1, dtype=torch.int64))

    assert str(error.value) == (
        "`probabilities` must have shape (N, C, ...) and `target` the same without the classes, got (3, 3) and (3, 1)."
    )
