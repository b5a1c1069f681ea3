from __future__ import annotations

import copy
import json
import math
import pickle
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution

# CIFAR-10 made long-tailed 100 : 1, and the logarithms of its priors.
CIFAR10_LT = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
LOG_PRIORS = [-0.9087, -1.4206, -1.9326, -2.4440, -2.9567, -3.4675, -3.9792, -4.4915, -5.0071, -5.5139]

PUBLIC = ["counts", "class_names", "task", "num_samples", "num_classes", "priors", "log_priors", "absent"]


@st.composite
def distributions(draw) -> ClassDistribution:
    task = draw(st.sampled_from(["multiclass", "binary", "multilabel"]))
    length = {"binary": st.just(2)}.get(task, st.integers(1, 6))
    counts = draw(length.flatmap(lambda n: st.lists(st.integers(0, 10**12), min_size=n, max_size=n)))
    if task != "multilabel" and sum(counts) == 0:
        counts[0] = 1
    names = st.lists(st.text(min_size=1, max_size=5), min_size=len(counts), max_size=len(counts), unique=True)
    rows = draw(st.integers(max(1, *counts), 10**13)) if task == "multilabel" else None
    return ClassDistribution(counts, draw(st.none() | names), task, rows)


class Named:
    """A data set of two samples that knows the names of its classes."""

    targets = (0, 1)

    def __init__(self, classes: list[str]) -> None:
        self.classes = classes

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.zeros(1), self.targets[index]


def refusal(kind: type[Exception], function, *arguments: object, **keywords: object) -> str:
    with pytest.raises(kind) as error:
        function(*arguments, **keywords)
    return str(error.value)


@given(distributions())
def test_plain_data_describe_a_distribution_wholly(distribution):
    state = json.loads(json.dumps(distribution.to_dict()))

    assert ClassDistribution.from_dict(state) == distribution


@given(distributions())
def test_pickle_and_copies_are_equal_and_have_one_hash(distribution):
    for other in (
        pickle.loads(pickle.dumps(distribution)),  # noqa: S301  # its own bytes
        copy.copy(distribution),
        copy.deepcopy(distribution),
    ):
        assert other == distribution
        assert hash(other) == hash(distribution)


@given(distributions())
def test_the_repr_is_the_constructor_call(distribution):
    assert eval(repr(distribution)) == distribution  # noqa: S307  # its own repr


@given(distributions())
def test_priors_are_shares_of_the_samples(distribution):
    expected = [count / distribution.num_samples for count in distribution.counts.tolist()]

    assert distribution.priors.tolist() == pytest.approx(expected, rel=1e-15)
    assert distribution.priors.dtype == distribution.log_priors.dtype == torch.float64
    assert distribution.log_priors.exp().tolist() == pytest.approx(expected, rel=1e-12)


@given(distributions())
def test_every_class_is_in_one_group(distribution):
    members = [i for group in distribution.groups().values() for i in group]

    assert sorted(members) == list(range(distribution.num_classes))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=50))
def test_labels_are_counted_as_a_counter_counts_them(labels):
    counted = Counter(labels)

    for form in (labels, tuple(labels), np.array(labels), torch.tensor(labels), pd.Series(labels)):
        distribution = ClassDistribution.from_labels(form)
        assert distribution.counts.tolist() == [counted[i] for i in range(max(labels) + 1)]


@given(st.lists(st.sampled_from(["cat", "dog", "eel"]), min_size=1))
def test_strings_are_counted_in_the_order_of_the_names(labels):
    distribution = ClassDistribution.from_labels(labels, class_names=["eel", "cat", "dog"])

    assert distribution.counts.tolist() == [labels.count(name) for name in ("eel", "cat", "dog")]


@given(st.lists(st.integers(0, 5), min_size=2, max_size=50), st.integers(1, 9))
def test_duplicating_the_data_changes_no_prior(labels, times):
    once = ClassDistribution.from_labels(labels)
    often = ClassDistribution.from_labels(labels * times)

    assert torch.equal(once.priors, often.priors)
    assert once.imbalance_ratio == often.imbalance_ratio
    assert often.num_samples == times * once.num_samples


def test_log_priors_of_a_long_tail():
    distribution = ClassDistribution(CIFAR10_LT)

    assert distribution.num_samples == 12406
    assert distribution.log_priors.tolist() == pytest.approx(LOG_PRIORS, abs=5e-5)
    assert distribution.imbalance_ratio == 100


def test_a_class_without_samples_is_absent_and_has_no_part_in_the_ratio():
    distribution = ClassDistribution([0, 6, 0, 2])

    assert distribution.absent == (0, 2)
    assert distribution.imbalance_ratio == 3
    assert distribution.log_priors[0] == -math.inf


def test_without_any_positive_the_ratio_is_one():
    assert ClassDistribution([0, 0], task="multilabel", num_samples=5).imbalance_ratio == 1


@pytest.mark.parametrize(
    ("count", "group"), [(101, "many"), (100, "medium"), (20, "medium"), (19, "few"), (0, "few"), (10**12, "many")]
)
def test_the_bounds_of_the_groups_are_medium(count, group):
    assert ClassDistribution([count, 50]).groups()[group][0] == 0


def test_groups_with_bounds_of_ones_own():
    assert ClassDistribution([5, 4, 3]).groups(many=4, few=4) == {"many": (0,), "medium": (1,), "few": (2,)}


def test_names_are_indices_or_the_words_of_a_binary_task_unless_given():
    assert ClassDistribution([1, 2, 3]).class_names == ("0", "1", "2")
    assert ClassDistribution([1, 2], task="binary").class_names == ("negative", "positive")
    assert ClassDistribution([1, 2], ["ham", "spam"], "binary").class_names == ("ham", "spam")


def test_names_given_as_an_array_are_plain_strings():
    state = ClassDistribution([1, 2], np.array(["a", "b"])).to_dict()

    assert [type(name) for name in state["class_names"]] == [str, str]


@pytest.mark.parametrize(
    "other",
    [
        ClassDistribution([1, 3]),
        ClassDistribution([2, 1]),
        ClassDistribution([1, 2], ["a", "b"]),
        ClassDistribution([1, 2], task="binary"),
        ClassDistribution([1, 2], task="multilabel", num_samples=3),
    ],
    ids=repr,
)
def test_counts_names_and_task_all_tell_distributions_apart(other):
    assert ClassDistribution([1, 2]) != other


def test_a_distribution_equals_nothing_else():
    assert ClassDistribution([1, 2]) != [1, 2]
    assert ClassDistribution([1, 2]) != {"counts": [1, 2]}


def test_rows_tell_multilabel_distributions_apart():
    assert ClassDistribution([1], task="multilabel", num_samples=3) != ClassDistribution(
        [1], task="multilabel", num_samples=4
    )


@pytest.mark.parametrize("name", PUBLIC)
def test_no_public_attribute_can_be_set(name):
    distribution = ClassDistribution([1, 2])

    with pytest.raises(AttributeError):
        setattr(distribution, name, 5)
    with pytest.raises(AttributeError):
        delattr(distribution, name)
    with pytest.raises(AttributeError):
        distribution.something_new = 5


def test_what_goes_in_or_comes_out_is_a_copy():
    counts, names = torch.tensor([1, 2]), ["a", "b"]
    distribution = ClassDistribution(counts, names)

    counts[0] = names[0] = 99
    for tensor in (distribution.counts, distribution.priors, distribution.log_priors):
        tensor.fill_(99)
    distribution.to_dict()["counts"].append(99)
    distribution.to_dict()["class_names"].append("c")

    assert distribution == ClassDistribution([1, 2], ["a", "b"])


def test_ignored_labels_are_left_out():
    assert ClassDistribution.from_labels([[0, 255], [1, 1]], ignore_index=255).counts.tolist() == [1, 2]


def test_classes_that_the_labels_lack_are_there_when_asked_for():
    assert ClassDistribution.from_labels([0, 1], num_classes=4).counts.tolist() == [1, 1, 0, 0]
    assert ClassDistribution.from_labels([0, 1], class_names=["a", "b", "c"]).absent == (2,)


def test_multilabel_counts_positives_and_rows():
    distribution = ClassDistribution.from_labels([[1, 0, 1], [1, 0, 0]], task="multilabel")

    assert distribution == ClassDistribution([2, 0, 1], task="multilabel", num_samples=2)


def test_a_loader_counts_over_its_batches():
    loader = DataLoader(TensorDataset(torch.zeros(7, 1), torch.tensor([0, 1, 1, 0, 1, 1, 2])), batch_size=2)

    assert ClassDistribution.from_dataloader(loader).counts.tolist() == [2, 4, 1]


def test_numpys_number_of_classes_is_a_number():
    assert ClassDistribution.from_labels([0, 1], num_classes=np.int64(3)).num_classes == 3


@pytest.mark.parametrize("labels", [[], torch.zeros(0, dtype=torch.int64)])
def test_an_empty_data_set_is_refused(labels):
    assert refusal(ValueError, ClassDistribution.from_labels, torch.as_tensor(labels, dtype=torch.int64)) == (
        "the training data must hold at least one label, got an empty data set (there are none)."
    )


def test_a_data_set_that_is_all_ignored_is_refused():
    assert refusal(ValueError, ClassDistribution.from_labels, [9, 9], ignore_index=9) == (
        "the training data must hold at least one label, got an empty data set (all of them are `ignore_index`)."
    )


def test_names_and_a_number_of_classes_that_differ_are_refused():
    assert refusal(ValueError, ClassDistribution.from_labels, [0, 1], num_classes=3, class_names=["a", "b"]) == (
        "`num_classes` must equal the number of `class_names`, 2 ('a', 'b'), got 3. "
        "Pass a name for each output of the model as `class_names`."
    )


def test_the_datas_names_and_a_number_of_classes_that_differ_are_refused():
    assert refusal(ValueError, ClassDistribution.from_dataset, Named(["a", "b"]), num_classes=3) == (
        "`num_classes` must equal the number of the data's class names, 2 ('a', 'b'), got 3. "
        "Pass a name for each output of the model as `class_names`."
    )


def test_the_datas_names_in_another_order_are_refused():
    assert refusal(ValueError, ClassDistribution.from_dataset, Named(["a", "b"]), class_names=["b", "a"]) == (
        "`class_names` must be in the order of the data's labels, 'a', 'b', got 'b', 'a'. "
        "Leave them out, or name class 0 first."
    )


def test_other_words_for_the_datas_classes_are_taken():
    dataset = Named(["n0144", "n0201"])

    assert ClassDistribution.from_dataset(dataset, class_names=["cat", "dog"]).class_names == ("cat", "dog")


def test_an_unknown_task_is_refused_before_anything_is_counted():
    assert refusal(ValueError, ClassDistribution.from_labels, [0.5], task="multi") == (
        "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'multi'."
    )


def test_bounds_of_groups_that_cross_are_refused():
    assert refusal(ValueError, ClassDistribution([1, 2]).groups, many=5, few=6) == (
        "`few` must be at most `many`, got few=6 and many=5."
    )


@pytest.mark.parametrize(
    ("state", "got"),
    [({"counts": [1, 2]}, "['counts']"), ({**ClassDistribution([1]).to_dict(), "x": 1}, None), ({}, "[]")],
)
def test_other_keys_are_refused(state, got):
    got = got or "['class_names', 'counts', 'num_samples', 'task', 'x']"

    assert refusal(ValueError, ClassDistribution.from_dict, state) == (
        f"`state` must have the keys ['class_names', 'counts', 'num_samples', 'task'], got {got}."
    )


def test_the_table_has_count_share_and_group_of_each_class():
    text = str(ClassDistribution([1200, 60, 0], ["[bold]nevus", "keratosis", "melanoma"]))

    assert text.split("\n") == [
        "3 classes, 1,260 samples, imbalance ratio 20",
        "  class         count   share   group",
        " ──────────────────────────────────────",
        "  [bold]nevus   1,200   95.2%   many",
        "  keratosis        60    4.8%   medium",
        "  melanoma          0    0.0%   few",
    ]


def test_the_table_of_labels_speaks_of_labels_and_rows():
    distribution = ClassDistribution([1, 2], task="multilabel", num_samples=4)

    assert str(distribution).split("\n")[0] == "2 labels, 4 rows, imbalance ratio 2"


def test_ten_thousand_classes_of_a_trillion_samples_print_sixty_rows():
    distribution = ClassDistribution([10**12] * 10_000)

    assert distribution.num_samples == 10**16
    lines = str(distribution).split("\n")
    assert lines[0] == "10,000 classes, 10,000,000,000,000,000 samples, imbalance ratio 1"
    assert lines[3].split() == ["0", "1,000,000,000,000", "0.0%", "many"]
    assert len(lines) == 3 + 61


def test_names_with_newlines_keep_one_row_each():
    lines = str(ClassDistribution([1, 2], ["a\nb", "c"])).split("\n")

    assert lines[3].split() == ["a\\nb", "1", "33.3%", "few"]
    assert len(lines) == 5


def test_rich_and_notebooks_show_the_same_table():
    distribution = ClassDistribution([3, 1], ["<b>", "dog"])

    assert "&lt;b&gt;" in distribution._repr_html_()
    assert distribution.__rich__().row_count == 2
