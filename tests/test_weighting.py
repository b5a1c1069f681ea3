from __future__ import annotations

import functools
import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from lightning_imbalance import ClassDistribution, class_weights
from lightning_imbalance.weighting import SCHEMES, EffectiveNumber, Power, check_weighting

PETS = ClassDistribution([60, 30, 10], ["cat", "dog", "eel"])
NAMES = "'uniform', 'balanced', 'complement', 'inverse', 'inverse_sqrt', 'effective_number', 'median_frequency', 'log'"
COUNTS = st.lists(st.integers(1, 10**6), min_size=2, max_size=7)
SCHEME = st.sampled_from(sorted(SCHEMES))


def refusal(kind: type[Exception], function, *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        function(*arguments, **keywords)
    return str(error.value)


def quietly(distribution: ClassDistribution, *arguments: object) -> torch.Tensor:
    """The weights without the warning about absent classes, which is tested for itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="no training sample of class")
        return class_weights(distribution, *arguments)


def test_balanced_weights_are_scikit_learns_in_200_random_cases_with_absent_classes():
    generator = np.random.default_rng(0)
    absent = 0
    for _ in range(200):
        num_classes = int(generator.integers(2, 12))
        labels = generator.choice(
            num_classes, size=int(generator.integers(2, 80)), p=generator.dirichlet([0.4] * num_classes)
        )
        present = np.unique(labels)
        if len(present) < 2:
            labels = np.append(labels, (present[0] + 1) % num_classes)
            present = np.unique(labels)
        absent += len(present) < num_classes

        weights = quietly(ClassDistribution.from_labels(labels, num_classes))

        expected = compute_class_weight("balanced", classes=present, y=labels)
        np.testing.assert_allclose(weights[present], expected, rtol=1e-6)
        missing = np.setdiff1d(np.arange(num_classes), present)
        assert weights[missing].tolist() == [weights.max().item()] * len(missing)
    assert 50 < absent < 200


@given(SCHEME, COUNTS, st.randoms())
def test_renaming_the_classes_permutes_the_weights(scheme, counts, random):
    order = list(range(len(counts)))
    random.shuffle(order)

    weights = class_weights(ClassDistribution(counts), scheme)
    renamed = class_weights(ClassDistribution([counts[i] for i in order]), scheme)

    assert torch.allclose(renamed, weights[order], rtol=1e-6, atol=0)


@given(st.sampled_from(["uniform", "balanced", "complement", "median_frequency", "log"]), COUNTS, st.integers(2, 9))
def test_duplicating_the_data_changes_no_relative_weight(scheme, counts, times):
    once = class_weights(ClassDistribution(counts), scheme)
    often = class_weights(ClassDistribution([times * count for count in counts]), scheme)

    assert torch.allclose(once, often, rtol=1e-6, atol=0)


@given(SCHEME, COUNTS)
def test_mean_weights_average_one_over_the_classes(scheme, counts):
    weights = class_weights(ClassDistribution(counts), scheme, "mean")

    assert float(weights.double().mean()) == pytest.approx(1, rel=1e-6)


@given(SCHEME, COUNTS)
def test_sample_weights_average_one_over_the_samples(scheme, counts):
    weights = class_weights(ClassDistribution(counts), scheme, "samples").tolist()

    assert math.fsum(n * w for n, w in zip(counts, weights, strict=True)) / sum(counts) == pytest.approx(1, rel=1e-6)


@given(SCHEME, st.lists(st.integers(0, 10**12), min_size=2, max_size=7).filter(lambda n: sum(c > 0 for c in n) > 1))
def test_weights_are_positive_finite_float32_whatever_the_counts(scheme, counts):
    weights = quietly(ClassDistribution(counts), scheme)

    assert weights.shape == (len(counts),)
    assert weights.dtype == torch.float32
    assert bool((torch.isfinite(weights) & (weights > 0)).all())


@given(SCHEME, st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any))
def test_pos_weights_are_the_quotients_of_each_labels_own_two_weights(scheme, positives):
    weights = quietly(ClassDistribution(positives, task="multilabel", num_samples=60), scheme)

    rarest = min((n for n in positives if n), default=0)
    for n, weight in zip(positives, weights.tolist(), strict=True):
        pair = class_weights(ClassDistribution([60 - (n or rarest), n or rarest], task="binary"), scheme)
        assert weight == pytest.approx(float(pair[1] / pair[0]), rel=1e-5)


def test_balanced_pos_weight_is_negatives_by_positives():
    distribution = ClassDistribution([1, 5, 8], task="multilabel", num_samples=10)

    assert class_weights(distribution).tolist() == [9.0, 1.0, 0.25]


def test_a_label_without_negatives_has_pos_weight_one():
    assert class_weights(ClassDistribution([4, 1], task="multilabel", num_samples=4)).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("scheme", [*SCHEMES, lambda d: d.priors.rsqrt(), lambda d: 1 / d.counts.float()])
def test_an_absent_class_is_weighted_like_the_rarest_and_named_once(scheme):
    distribution = ClassDistribution([60, 0, 1200, 0], ["cat", "dog", "eel", "fox"])

    with pytest.warns(UserWarning, match="no training sample") as caught:
        weights = class_weights(distribution, scheme)

    assert [str(warning.message) for warning in caught] == [
        "no training sample of class 'dog', 'fox': weighted like the rarest class that has some, 'cat' (60 samples)."
    ]
    assert caught[0].filename == __file__
    assert weights[1] == weights[3] == weights[0]
    assert bool(torch.isfinite(weights).all())


def test_numbers_given_by_hand_stay_for_an_absent_class_without_a_warning():
    assert class_weights(ClassDistribution([2, 0, 3]), [1, 7, 2]).tolist() == [1, 7, 2]


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 2, 10],
        (1.0, 2.0, 10.0),
        np.array([1, 2, 10], dtype=np.uint16),
        np.array([1, 2, 10], dtype=np.float64),
        torch.tensor([1, 2, 10]),
        torch.tensor([1.0, 2, 10], requires_grad=True),
        torch.tensor([1.0, 2, 10]).half(),
        {"eel": 10, "cat": 1, "dog": 2},
        {2: 10.0, 0: 1.0, 1: 2.0},
        lambda _: [1, 2, 10],
        lambda _: np.array([1, 2, 10]),
    ],
)
def test_numbers_are_taken_in_every_form(numbers):
    weights = class_weights(PETS, numbers)

    assert weights.tolist() == [1, 2, 10]
    assert weights.dtype == torch.float32
    assert not weights.requires_grad


def test_numbers_given_by_hand_are_scaled_when_asked():
    assert class_weights(PETS, [1, 2, 3], "mean").tolist() == [0.5, 1.0, 1.5]
    assert class_weights(PETS, [0, 0, 1], "samples").tolist() == [0, 0, 10]


def test_the_weights_do_not_share_memory_with_what_was_given():
    given_by_hand = torch.tensor([1.0, 2.0, 10.0])

    class_weights(PETS, given_by_hand).fill_(5)

    assert given_by_hand.tolist() == [1, 2, 10]


def test_a_scheme_with_absent_classes_does_not_change_what_its_callable_returned():
    kept = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)

    quietly(ClassDistribution([5, 0, 6]), lambda _: kept)

    assert kept.tolist() == [1, 2, 3]


def test_zero_by_hand_is_allowed():
    assert class_weights(PETS, [0, 1, 2]).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("name", "hint"), [("balance", " Did you mean 'balanced'?"), ("xyz", "")])
@pytest.mark.parametrize("function", [functools.partial(class_weights, PETS), check_weighting])
def test_an_unknown_name_is_refused_with_the_nearest(function, name, hint):
    assert refusal(ValueError, function, name) == f"the weighting must be one of {NAMES}, got {name!r}.{hint}"


def test_an_unknown_normalization_is_refused():
    assert refusal(ValueError, class_weights, PETS, "balanced", "sum") == (
        "`normalize` must be None, 'mean' or 'samples', got 'sum'."
    )


@pytest.mark.parametrize(
    ("numbers", "got"),
    [
        ([1, -2, 3], "-2.0 for class 'dog'"),
        ([1, 2, math.nan], "nan for class 'eel'"),
        ([math.inf, 2, 3], "inf for class 'cat'"),
        ({"cat": 1, "dog": -0.5, "eel": 2}, "-0.5 for class 'dog'"),
        (lambda d: -d.priors, "-0.6 for class 'cat'"),
        ([1e39, 2, 3], "inf for class 'cat'"),
    ],
)
def test_weights_that_are_negative_or_not_finite_are_refused(numbers, got):
    assert refusal(ValueError, class_weights, PETS, numbers) == (
        f"the weighting must give finite weights that are not negative, got {got}."
    )


@pytest.mark.parametrize("normalize", ["mean", "samples"])
def test_the_message_has_the_number_that_was_given_not_the_scaled_one(normalize):
    assert refusal(ValueError, class_weights, PETS, [1, -1, 0], normalize) == (
        "the weighting must give finite weights that are not negative, got -1.0 for class 'dog'."
    )


@pytest.mark.parametrize("normalize", [None, "mean", "samples"])
def test_weights_that_are_all_zero_are_refused(normalize):
    assert refusal(ValueError, class_weights, PETS, [0, 0, 0], normalize) == (
        "the weighting must give at least one class a weight above 0, got [0.0, 0.0, 0.0]."
    )


@pytest.mark.parametrize(
    ("numbers", "shape"), [([1, 2], "(2,)"), ([[1, 2, 3]], "(1, 3)"), (5.0, "()"), (lambda _: torch.ones(4), "(4,)")]
)
def test_a_wrong_number_of_weights_is_refused(numbers, shape):
    assert refusal(ValueError, class_weights, PETS, numbers) == (
        f"the weighting must give one weight for each of the 3 classes, got shape {shape}."
    )


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"cat": 1, "dog": 2}, "no weight for 'eel'"),
        ({"cat": 1, "dog": 2, "eel": 3, "elk": 4}, "a weight for 'elk', which is no class"),
        ({}, "no weight for 'cat'"),
        ({"Cat": 1, "dog": 2, "eel": 3}, "no weight for 'cat'"),
    ],
)
def test_a_mapping_must_name_each_class_and_nothing_else(mapping, problem):
    assert refusal(ValueError, class_weights, PETS, mapping) == (
        f"the weighting must give a weight to each class ('cat', 'dog', 'eel') and to nothing else, got {problem}."
    )


def test_a_mapping_by_index_must_have_each_index():
    assert refusal(ValueError, class_weights, PETS, {0: 1.0, 1: 2.0, 3: 1.0}) == (
        "the weighting must give a weight to each class (0, 1, 2) and to nothing else, got no weight for 2."
    )


@pytest.mark.parametrize(
    ("scheme", "got"),
    [
        (None, "NoneType: None"),
        (["a", "b", "c"], "list: ['a', 'b', 'c']"),
        ({"cat": 1, "dog": None, "eel": 3}, "list: [1, None, 3]"),
        (lambda _: "balanced", "str: 'balanced'"),
        ({1, 2}, "set: {1, 2}"),
    ],
)
def test_what_is_no_weights_at_all_is_refused(scheme, got):
    assert refusal(TypeError, class_weights, PETS, scheme) == (
        f"the weighting must be a name, a callable, a mapping from class to number, or one number a class, got {got}."
    )


@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_data_of_one_class_are_refused(task):
    name = "1" if task == "multiclass" else "positive"

    assert refusal(ValueError, class_weights, ClassDistribution([0, 1234], task=task)) == (
        f"the training data must hold samples of at least 2 classes, got only '{name}' (1,234 samples). "
        "Check the labels, and the split if there is one."
    )


def test_rows_without_any_positive_are_refused():
    assert refusal(ValueError, class_weights, ClassDistribution([0, 0], task="multilabel", num_samples=1234)) == (
        "the training data must hold at least one positive label, got 1,234 rows without any."
    )


@pytest.mark.parametrize(
    ("arguments", "known"),
    [
        (("balanced",), None),
        ((Power(0.5),), None),
        ((lambda d: d.priors,), None),
        (("balanced", 5), 5),
        (("balanced", None, ["a", "b"]), 2),
        (("balanced", None, None, "binary"), 2),
        (([1, 2, 3],), 3),
        ((torch.ones(4),), 4),
        ((np.ones(4),), 4),
        (({"cat": 1, "dog": 2},), 2),
        (({0: 1, 1: 2, 2: 3},), 3),
        (([1.0], None, None, "multilabel"), 1),
        ((EffectiveNumber(), np.int64(3)), 3),
    ],
)
def test_the_number_of_classes_follows_from_what_is_given(arguments, known):
    assert check_weighting(*arguments) == known


@pytest.mark.parametrize(
    ("arguments", "kind", "expected"),
    [
        (([1, 2], 3), ValueError, "the weighting must give one weight for each of the 3 classes, got shape (2,)."),
        (
            ([1, -1],),
            ValueError,
            "the weighting must give finite weights that are not negative, got -1.0 for class '1'.",
        ),
        (
            ({"cat": 1, "dog": 2}, None, ["cat", "eel"]),
            ValueError,
            (
                "the weighting must give a weight to each class ('cat', 'eel') and to nothing else, "
                "got no weight for 'eel'."
            ),
        ),
        (
            ([1, 2, 3], None, None, "binary"),
            ValueError,
            "the weighting must give one weight for each of the 2 classes, got shape (3,).",
        ),
        (
            ("balanced", 3, ["a", "b"]),
            ValueError,
            "`class_names` must have one name for each of the 3 classes, got 2: 'a', 'b'.",
        ),
        (([1],), ValueError, '`num_classes` must be an integer from 2 on for `task="multiclass"`, got 1.'),
        (("balanced", 1), ValueError, '`num_classes` must be an integer from 2 on for `task="multiclass"`, got 1.'),
        (
            ("balanced", None, None, "multi"),
            ValueError,
            "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'multi'.",
        ),
        (
            (None,),
            TypeError,
            (
                "the weighting must be a name, a callable, a mapping from class to number, or one number a class, "
                "got NoneType: None."
            ),
        ),
    ],
)
def test_what_would_be_refused_later_is_refused_before_there_are_data(arguments, kind, expected):
    assert refusal(kind, check_weighting, *arguments) == expected


@pytest.mark.parametrize(
    "check",
    [lambda: class_weights(ClassDistribution([1, 2]), EffectiveNumber), lambda: check_weighting(EffectiveNumber)],
)
def test_a_class_instead_of_an_instance_is_refused(check):
    with pytest.raises(TypeError) as error:
        check()

    assert str(error.value) == "the weighting must be an instance, `EffectiveNumber()`, got the class EffectiveNumber."


def test_the_warning_about_absent_classes_stays_readable_with_thousands_of_them():
    distribution = ClassDistribution([5, 3] + [0] * 20_000)
    with pytest.warns(UserWarning, match="no training sample") as warned:
        weights = class_weights(distribution)

    assert len(str(warned[0].message)) < 300
    assert weights[2:].unique().tolist() == [weights[1].item()]


def test_a_weight_that_float32_cannot_hold_is_refused():
    with pytest.raises(ValueError) as error:
        class_weights(ClassDistribution([10, 10**9]), Power(8))

    assert str(error.value) == (
        "the weighting must give weights that float32 can hold, got 1e-72 for class '1'. Pass `normalize=\"mean\"`."
    )


@pytest.mark.parametrize("values", [5, [], [[1, 2, 3]], torch.tensor(2.0)], ids=repr)
def test_numbers_that_are_not_one_a_class_are_refused_before_the_classes_are_known(values):
    with pytest.raises(ValueError) as error:
        check_weighting(values)

    assert str(error.value) == f"the weighting must be one number a class, shape (C,), got {values!r}."
