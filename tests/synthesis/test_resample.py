from __future__ import annotations

import sys

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from imblearn.over_sampling import ADASYN, SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.synthesis import ResampledDataset, require_real_samples, resample
from lightning_imbalance.synthesis.named_samplers import NAMED

COUNTS = [40, 20, 8]
LABELS = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))[
    torch.randperm(68, generator=torch.Generator().manual_seed(2))
]
FEATURES = torch.randn(68, 4, generator=torch.Generator().manual_seed(1)) + LABELS[:, None]
DATA = TensorDataset(FEATURES, LABELS)
FRAME = pd.DataFrame(
    {
        "size": FEATURES[:, 0].numpy(),
        "kind": pd.Categorical(np.array(["mole", "spot", "scar"])[LABELS.numpy()], categories=["mole", "scar", "spot"]),
        "age": (50 + 10 * FEATURES[:, 1]).long().numpy(),
        "weight": FEATURES[:, 2].double().numpy(),
    },
    index=range(100, 168),
)
NUMBERS = FRAME.drop(columns="age")


def counts_of(labels) -> list[int]:
    return torch.as_tensor(np.asarray(labels)).bincount(minlength=3).tolist()


@pytest.mark.parametrize("name", ["smote", "borderline_smote", "svm_smote", "adasyn", "random_over"])
def test_what_is_added_comes_last_and_what_was_given_is_unchanged(name):
    result = resample(DATA, name)

    features, labels = result.tensors
    assert torch.equal(features[:68], FEATURES)
    assert torch.equal(labels[:68], LABELS)
    assert torch.equal(result.is_added, torch.arange(len(result)) >= 68)
    assert isinstance(result, TensorDataset)
    assert result.holds_synthetic_samples
    if name != "adasyn":
        assert counts_of(labels) == [40, 40, 40]
    assert min(counts_of(labels)) > 30


def test_it_is_imbalanced_learns_smote():
    result = resample(DATA, "smote", seed=3)

    features, labels = SMOTE(random_state=3).fit_resample(FEATURES.numpy(), LABELS.numpy())
    assert np.array_equal(result.tensors[0].numpy(), features)
    assert np.array_equal(result.tensors[1].numpy(), labels)


@given(
    st.lists(st.integers(7, 20), min_size=2, max_size=4).filter(lambda counts: len(set(counts)) > 1),
    st.integers(0, 1000),
)
def test_every_row_that_smote_adds_lies_between_two_of_its_class(counts, seed):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    features = torch.randn(len(labels), 2, generator=torch.Generator().manual_seed(seed))

    made, classes = (tensor[len(labels) :] for tensor in resample((features, labels), seed=seed))

    for row, label in zip(made, classes, strict=True):
        own = features[labels == label]
        # On the line between two others the way over the row is no longer than the way itself.
        detour = (row - own).norm(dim=1)[:, None] + (row - own).norm(dim=1)[None] - torch.cdist(own, own)
        assert detour[~torch.eye(len(own), dtype=torch.bool)].min() < 1e-4


def test_each_form_gives_the_same_rows_in_the_same_form():
    dataset = resample(DATA)
    pair = resample((FEATURES, LABELS))
    arrays = resample((FEATURES.numpy(), LABELS.numpy()))
    frame = resample(NUMBERS, target="kind", seed=0)

    assert torch.equal(dataset.tensors[0], pair[0])
    assert torch.equal(dataset.tensors[1], pair[1])
    assert isinstance(arrays[0], np.ndarray)
    assert np.array_equal(arrays[0], pair[0].numpy())
    assert np.array_equal(arrays[1], pair[1].numpy())
    assert list(frame.columns) == ["size", "kind", "weight"]
    assert frame.dtypes.equals(NUMBERS.dtypes)
    assert frame.index.tolist() == list(range(120))
    assert frame.iloc[:68].reset_index(drop=True).equals(NUMBERS.reset_index(drop=True))
    assert frame["kind"].value_counts().to_dict() == {"mole": 40, "spot": 40, "scar": 40}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("label_dtype", [torch.uint8, torch.int32, torch.int64])
def test_types_are_kept(dtype, label_dtype):
    features, labels = resample((FEATURES.to(dtype), LABELS.to(label_dtype)))

    assert features.dtype == dtype
    assert labels.dtype == label_dtype
    assert torch.equal(features[:68], FEATURES.to(dtype))


def test_images_keep_their_shape():
    images = torch.randn(68, 1, 4, 4)

    result = resample(TensorDataset(images, LABELS))

    assert result.tensors[0].shape == (120, 1, 4, 4)
    assert torch.equal(result.tensors[0][:68], images)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_the_device_is_kept():
    features, labels = resample((FEATURES.cuda(), LABELS.cuda()))

    assert features.is_cuda
    assert labels.is_cuda
    assert torch.equal(features.cpu(), resample((FEATURES, LABELS))[0])


def test_strings_are_labels_too():
    names = np.array(["c", "b", "a"])[LABELS.numpy()]

    features, labels = resample((FEATURES.numpy(), names), counts={"a": 3})

    assert len(features) == 71
    assert labels[68:].tolist() == ["a", "a", "a"]
    assert np.array_equal(labels[:68], names)


def test_a_part_is_resampled_by_itself_and_no_other_row_is_looked_at():
    spoilt = FEATURES.clone()
    train, val = random_split(TensorDataset(spoilt, LABELS), [54, 14], generator=torch.Generator().manual_seed(0))
    spoilt[val.indices] = torch.nan  # SMOTE refuses NaN

    result = resample(train, k_neighbors=2)
    nested = resample(Subset(train, range(len(train))), k_neighbors=2)

    assert torch.equal(result.tensors[0][:54], spoilt[train.indices])
    assert result.tensors[0].isfinite().all()
    assert torch.equal(nested.tensors[0], result.tensors[0])


def test_names_of_the_classes_are_kept_and_can_be_used(blobs):
    result = resample(blobs([20, 9, 7], ["cat", "dog", "cow"]), counts={"dog": 4})

    assert ClassDistribution.from_dataset(result) == ClassDistribution([20, 13, 7], ["cat", "dog", "cow"])
    assert ClassDistribution.from_dataset(resample(DATA)).counts.tolist() == [40, 40, 40]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (None, [40, 40, 40]),
        ("balance", [40, 40, 40]),
        (0.5, [40, 20, 20]),
        ({2: 5}, [40, 20, 13]),
        ([1, 0, 2], [41, 20, 10]),
    ],
    ids=str,
)
def test_counts_say_how_many_rows_are_added(counts, expected):
    assert counts_of(resample(DATA, counts=counts).tensors[1]) == expected


def test_numbers_by_class_are_by_the_label_where_labels_are_numbers():
    wine = pd.DataFrame({"acid": FEATURES[:, 0].numpy(), "quality": 3 * LABELS.numpy() + 3})  # 3, 6 and 9

    result = resample(wine, target="quality", counts={9: 2})

    assert result["quality"].value_counts().to_dict() == {3: 40, 6: 20, 9: 10}
    assert result["quality"].dtype == wine["quality"].dtype


# --- whole numbers ------------------------------------------------------------------------------------------------

BETWEEN = (
    "`integers` must be said where whole numbers are mixed, got values between them in the columns {}. Pass "
    '`integers="round"` for what is counted, `integers="float"` for fractions, or for codes `method="smotenc", '
    "categorical_features=[...]`."
)


def test_whole_numbers_of_a_table_are_never_truncated_in_silence():
    with pytest.raises(ValueError) as error:
        resample(FRAME, target="kind")
    assert str(error.value) == BETWEEN.format("'age'")

    rounded, fractions = (resample(FRAME, target="kind", integers=integers) for integers in ("round", "float"))

    assert rounded.dtypes.equals(FRAME.dtypes)
    assert fractions["age"].dtype == np.float64
    assert (fractions["age"] % 1 != 0).any()
    assert rounded["age"].equals(fractions["age"].round().astype("int64"))
    assert rounded["weight"].equals(fractions["weight"])
    assert rounded.iloc[:68].reset_index(drop=True).equals(FRAME.reset_index(drop=True))


def test_nor_are_those_of_a_tensor():
    numbers = (100 * FEATURES).long()
    with pytest.raises(ValueError) as error:
        resample((numbers, LABELS))
    assert str(error.value) == BETWEEN.format("0, 1, 2, 3")

    rounded, fractions = (resample((numbers, LABELS), integers=integers)[0] for integers in ("round", "float"))

    assert rounded.dtype == torch.int64
    assert fractions.dtype == torch.float32
    assert torch.equal(rounded[:68], numbers)
    assert torch.equal(fractions[:68], numbers.float())
    assert (fractions % 1 != 0).any()
    torch.testing.assert_close(rounded.float(), fractions, rtol=0, atol=0.5001)


def test_many_columns_are_not_all_listed():
    with pytest.raises(ValueError) as error:
        resample(((100 * FEATURES).long().repeat(1, 3), LABELS))

    assert str(error.value) == BETWEEN.format("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (12)")


@pytest.mark.parametrize("name", ["random_over", "random_under", "tomek"])
def test_rows_that_are_only_chosen_keep_every_bit_of_a_whole_number(name):
    numbers = (100 * FEATURES).long() + 2**60 + 1  # beyond what a float can tell apart

    features, labels = resample((numbers, LABELS), name)

    rows = {tuple(row) for row in numbers.tolist()}
    assert {tuple(row) for row in features.tolist()} <= rows
    assert len(labels) == len(features)


def test_codes_are_no_numbers_to_smotenc():
    codes = FRAME.assign(site=(LABELS % 2).numpy(), side=np.where(LABELS == 0, "left", "right")).astype(
        {"side": "category"}
    )

    made = resample(codes, "smotenc", target="kind", categorical_features=["site", "side"], integers="round")

    assert made.dtypes.equals(codes.dtypes)
    assert set(made["site"]) == {0, 1}
    assert made.iloc[:68].reset_index(drop=True).equals(codes.reset_index(drop=True))


def test_smotenc_leaves_whole_numbers_that_it_does_not_mix_alone():
    codes = NUMBERS.assign(site=(LABELS % 2).numpy())

    made = resample(codes, "smotenc", target="kind", categorical_features=["site"])

    assert made["site"].dtype == codes["site"].dtype


# --- other methods ------------------------------------------------------------------------------------------------


def test_rows_are_removed_and_the_others_are_real():
    result = resample(DATA, "random_under")

    assert counts_of(result.tensors[1]) == [8, 8, 8]
    assert not result.is_added.any()
    require_real_samples(result, "validation")


@pytest.mark.parametrize("name", ["smote_enn", "smote_tomek", "cluster_centroids"])
def test_where_the_method_does_not_say_which_rows_are_real_none_counts_as_real(name):
    result = resample(DATA, name)

    assert result.is_added is None
    with pytest.raises(ValueError, match="got a ResampledDataset, which holds synthetic ones"):
        require_real_samples(result, "test")


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"smotenc", "kmeans_smote"}))
def test_every_name_works(name):
    result = resample(DATA, name)

    assert isinstance(result, ResampledDataset)
    assert set(result.tensors[1].tolist()) == {0, 1, 2}


def test_smote_within_clusters_adds_about_as_many():
    result = resample(DATA, "kmeans_smote", cluster_balance_threshold=0.0, counts={1: 5})

    assert torch.equal(result.tensors[0][:68], FEATURES)
    assert 25 <= counts_of(result.tensors[1])[1] <= 30  # each cluster rounds up


def test_a_sampler_of_ones_own_is_used_as_it_is():
    sampler = SMOTE(sampling_strategy={1: 30}, random_state=9, k_neighbors=2)

    result = resample(DATA, sampler)

    features, _ = SMOTE(sampling_strategy={1: 30}, random_state=9, k_neighbors=2).fit_resample(
        FEATURES.numpy(), LABELS.numpy()
    )
    assert np.array_equal(result.tensors[0].numpy(), features)
    assert not hasattr(sampler, "sampling_strategy_")


def test_the_same_seed_draws_the_same_rows_and_another_does_not():
    first, again, other = (resample((FEATURES, LABELS), seed=seed)[0] for seed in (4, 4, 5))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(resample((FEATURES, LABELS))[0], resample((FEATURES, LABELS), seed=0)[0])


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (-1, "`seed` must be an integer from 0 on, got -1."),
        (1.5, "`seed` must be an integer from 0 on, got 1.5."),
        (2**32, "`seed` must be an integer of at most 32 bits, got 4294967296."),
    ],
)
def test_a_seed_that_numpy_has_not_is_refused(seed, message):
    with pytest.raises(ValueError) as error:
        resample(DATA, seed=seed)

    assert str(error.value) == message


def test_smoothed_repeats_are_added_rows():
    result = resample(DATA, "random_over", shrinkage=0.5)

    assert torch.equal(result.tensors[0][:68], FEATURES)
    assert not {tuple(row) for row in result.tensors[0][68:].tolist()} & {tuple(row) for row in FEATURES.tolist()}


# --- only training ------------------------------------------------------------------------------------------------


def test_a_model_trains_on_the_result_and_is_not_evaluated_on_it(tiny_trainer):
    train, val = random_split(DATA, [54, 14], generator=torch.Generator().manual_seed(0))
    made = resample(train, k_neighbors=2)
    model = WeightedClassifier(torch.nn.Linear(4, 3), weighting="uniform")

    tiny_trainer().fit(model, DataLoader(made, batch_size=16, shuffle=True), DataLoader(val, batch_size=16))
    _, part = random_split(made, [0.5, 0.5])

    assert model.distribution.counts.tolist() == counts_of(made.tensors[1])
    with pytest.raises(ValueError) as error:
        tiny_trainer().test(model, DataLoader(part), verbose=False)
    assert str(error.value) == (
        "test data must be real samples, got a ResampledDataset, which holds synthetic ones. Split the data first, and "
        "make more of the training part alone."
    )


# --- bad input ----------------------------------------------------------------------------------------------------

FORMS = "`dataset` must be a TensorDataset of features and labels, a pair of both, or a pandas DataFrame, got"
FEW = (torch.randn(27, 2), torch.tensor([0] * 20 + [1] * 4 + [2] + [0] * 2))


class Augmented(TensorDataset):
    def __getitem__(self, index):
        return super().__getitem__(index)


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "message"),
    [
        (
            (FEW,), {"counts": {1: 3}}, ValueError,
            "`k_neighbors` must be below the samples of each class that gets more, got 5 for class '1', which has 4. Pass `k_neighbors=3`, repeat samples with `method=\"random_over\"`, or leave the class out of `counts`.",
        ),
        (
            (FEW, "adasyn"), {"counts": {1: 3}}, ValueError,
            "`n_neighbors` must be below the samples of each class that gets more, got 5 for class '1', which has 4. Pass `n_neighbors=3`, repeat samples with `method=\"random_over\"`, or leave the class out of `counts`.",
        ),
        (
            (FEW,), {"k_neighbors": 1}, ValueError,
            "`k_neighbors` must be below the samples of each class that gets more, got 1 for class '2', which has 1. Repeat samples with `method=\"random_over\"`, or leave the class out of `counts`.",
        ),
        (
            (FEW, "smote_tomek"), {}, ValueError,
            "`k_neighbors` must be below the samples of each class that gets more, got 5 for class '1', which has 4. Pass `k_neighbors=3`, repeat samples with `method=\"random_over\"`, or leave the class out of `counts`.",
        ),
        (
            (FEW, SMOTE(sampling_strategy={1: 10})), {}, ValueError,
            "`k_neighbors` must be below the samples of each class that gets more, got 5 for class '1', which has 4. Pass `k_neighbors=3`, repeat samples with `method=\"random_over\"`, or leave the class out of `counts`.",
        ),
        (
            ((torch.zeros(4, 2), torch.tensor([0, 0, 2, 0])),), {"counts": {1: 3}}, ValueError,
            "`counts` must be for classes with samples, got 3 for '1', which has none to learn from.",
        ),
        (
            (DATA, "smot"), {}, ValueError,
            f"`method` must be one of {', '.join(map(repr, NAMED))}, or a sampler of imbalanced-learn, got 'smot'. Did you mean 'smote'?",
        ),
        ((DATA, SMOTE), {}, TypeError, f"`method` must be a name or a sampler of imbalanced-learn, got {SMOTE!r}."),
        (
            (DATA, SMOTE()), {"k_neighbors": 2}, ValueError,
            "`k_neighbors` must be an argument of the sampler itself, got it beside SMOTE().",
        ),
        (
            (DATA, SMOTE(random_state=1)), {"seed": 2}, ValueError,
            "`seed` must be left out where it has no effect, got 2 beside SMOTE(random_state=1).",
        ),
        ((DATA, "tomek"), {"seed": 2}, ValueError, "`seed` must be left out with 'tomek', which draws nothing, got 2."),
        (
            (DATA, "smote"), {"neighbours": 2}, TypeError,
            "`neighbours` must be an argument of SMOTE (`sampling_strategy`, `k_neighbors`).",
        ),
        (
            (DATA, "smote"), {"random_state": 2}, TypeError,
            "`random_state` must be an argument of SMOTE (`sampling_strategy`, `k_neighbors`). Pass `seed`.",
        ),
        (
            (DATA, "random_under"), {"counts": 0.5}, ValueError,
            "`counts` must be left out with RandomUnderSampler, which removes samples, got 0.5. Pass `sampling_strategy=...` as imbalanced-learn takes it.",
        ),
        (
            (DATA, ADASYN(sampling_strategy={1: 30})), {"counts": 0.5}, ValueError,
            "`counts` must be left out where the sampler has a strategy of its own, got 0.5 and {1: 30}.",
        ),
        ((DATA,), {"integers": "floor"}, ValueError, "`integers` must be 'round', 'float' or None, got 'floor'."),
        ((FRAME,), {}, ValueError, "`target` must name the column of the labels of a table, got None."),
        (
            (FRAME,), {"target": "sort"}, ValueError,
            "`target` must be a column of the table ('size', 'kind', 'age', 'weight'), got 'sort'.",
        ),
        ((DATA,), {"target": "kind"}, ValueError, "`target` must be left out without a pandas DataFrame, got 'kind'."),
        (
            (FRAME.assign(kind=[None, *FRAME["kind"][1:]]),), {"target": "kind"}, ValueError,
            "the labels in 'kind' must not be missing, got 1 rows without one.",
        ),
        (
            ((FEATURES, LABELS[1:]),), {}, ValueError,
            "features and labels must be of as many rows, got 68 and 67.",
        ),
        (
            (L.LightningDataModule.from_datasets(DATA),), {}, TypeError,
            f"{FORMS} a LightningDataModule. Pass its training data alone, so that no validation sample gets into what is made.",
        ),
        (
            (DataLoader(DATA),), {}, TypeError,
            f"{FORMS} a DataLoader. Pass the data set itself, and make the dataloader of the result.",
        ),
        (
            (Augmented(FEATURES, LABELS),), {}, TypeError,
            f"{FORMS} a Augmented. It has a `__getitem__` of its own: pass what that gives as a pair of tensors.",
        ),
        (
            (TensorDataset(FEATURES),), {}, TypeError,
            f"{FORMS} a TensorDataset. Pass what it holds as a pair of tensors.",
        ),
        (
            (resample(DATA),), {}, ValueError,
            "the rows must be real ones, got a data set that was resampled before. Resample the original once.",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_resampled_is_refused(arguments, options, kind, message):
    with pytest.raises(kind) as error:
        resample(*arguments, **options)

    assert str(error.value).replace("LightningDataModule.from_datasets.<locals>.", "") == message


def test_words_have_nothing_between_them():
    words = NUMBERS.assign(side=np.where(LABELS == 0, "left", "right"), part="arm")

    with pytest.raises(ValueError) as error:
        resample(words, target="kind")

    assert str(error.value) == (
        "the columns must hold numbers for SMOTE, got others in 'side', 'part'. Use "
        '`method="smotenc", categorical_features=[...]`, or encode them.'
    )


def test_missing_values_are_named_by_the_library():
    spoilt = FEATURES.clone()
    spoilt[3, 1] = torch.nan

    with pytest.raises(ValueError, match="Input X contains NaN"):
        resample((spoilt, LABELS))


def test_complex_numbers_are_no_features():
    with pytest.raises(TypeError) as error:
        resample((FEATURES + 1j, LABELS))

    assert str(error.value) == "features must be real numbers, got torch.complex64."


def test_without_imbalanced_learn_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "imblearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "imblearn", None)

    with pytest.raises(ModuleNotFoundError) as error:
        resample(DATA)

    assert str(error.value) == (
        "`resample` must have imbalanced-learn, which has the methods, and it is not installed. "
        'Run: pip install "lightning-imbalance[tabular]"'
    )


def test_the_users_sampler_and_its_draw_are_not_touched():
    sampler = RandomUnderSampler()
    state = np.random.get_state()[1].copy()  # noqa: NPY002  # what samplers without a seed draw from

    resample(DATA, sampler, seed=1)
    resample(DATA, RandomOverSampler(random_state=0))

    assert sampler.random_state is None
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
