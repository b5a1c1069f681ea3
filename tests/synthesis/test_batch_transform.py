from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lightning_imbalance import ClassDistribution
from lightning_imbalance.synthesis import BatchTransform, CutMix, CutMixMinority, Mixup, Remix

DISTRIBUTION = ClassDistribution([60, 30, 5])
BINARY = ClassDistribution([60, 5], task="binary")
MULTILABEL = ClassDistribution([60, 5, 9], task="multilabel", num_samples=70)

TRANSFORMS = [
    Mixup(),
    CutMix(),
    Remix(),
    CutMixMinority(probability=1.0, skip_first=0, skip_last=0),
]
NAMES = [type(transform).__name__ for transform in TRANSFORMS]


def adapted(transform, distribution=DISTRIBUTION):
    return copy.deepcopy(transform).adapt(distribution)


def pictures(count: int, dtype=torch.float32) -> torch.Tensor:
    return torch.randn(count, 3, 6, 6).to(dtype)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_shapes_and_types_are_kept_and_no_argument_is_changed(transform, dtype):
    inputs, target = pictures(9, dtype), torch.arange(9) % 3
    before = inputs.clone(), target.clone()

    mixed, shares = adapted(transform)(inputs, target)

    assert mixed.shape == inputs.shape
    assert mixed.dtype == dtype
    assert shares.shape == (9, 3)
    assert shares.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert torch.equal(inputs, before[0])
    assert torch.equal(target, before[1])


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
def test_rows_are_probabilities_of_classes_in_the_batch(transform):
    transform = adapted(transform)

    for _ in range(20):
        _, shares = transform(pictures(7), torch.tensor([0, 0, 2, 0, 2, 0, 0]))

        torch.testing.assert_close(shares.sum(1), torch.ones(7))
        assert (shares[:, 1] == 0).all()
        assert (shares >= 0).all()
        assert (shares <= 1).all()
        assert ((shares > 0).sum(1) <= 2).all()


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.float32])
def test_a_yes_or_no_question_keeps_the_shape_of_its_target(transform, column, dtype):
    target = torch.tensor([0, 0, 1, 0, 0, 1]).to(dtype)
    target = target[:, None] if column else target
    inputs = pictures(6)

    torch.manual_seed(3)
    mixed, shares = adapted(transform, BINARY)(inputs, target)
    torch.manual_seed(3)
    same, as_classes = adapted(transform, ClassDistribution([60, 5]))(inputs, target.flatten().long())

    assert shares.shape == target.shape
    assert torch.equal(mixed, same)
    assert torch.equal(shares.flatten(), as_classes[:, 1])


@pytest.mark.parametrize("transform", [Mixup(), CutMix()], ids=["Mixup", "CutMix"])
def test_labels_and_probabilities_are_mixed_as_they_are(transform):
    labels = torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 1], [1, 1, 1]])
    inputs = pictures(4)

    torch.manual_seed(3)
    _, multilabel = adapted(transform, MULTILABEL)(inputs, labels)
    torch.manual_seed(3)
    _, soft = adapted(transform)(inputs, labels.float())

    assert multilabel.shape == labels.shape
    assert torch.equal(multilabel, soft)
    torch.testing.assert_close(multilabel.sum(0), labels.sum(0).float())


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
def test_a_batch_of_one_has_nothing_to_be_mixed_with(transform):
    inputs = pictures(1)

    mixed, shares = adapted(transform)(inputs, torch.tensor([2]))

    torch.testing.assert_close(mixed, inputs)
    torch.testing.assert_close(shares, torch.tensor([[0.0, 0.0, 1.0]]))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
def test_a_batch_of_none_stays_one_of_none(transform):
    mixed, shares = adapted(transform)(pictures(0), torch.zeros(0, dtype=torch.int64))

    assert mixed.shape == (0, 3, 6, 6)
    assert shares.shape == (0, 3)


@given(st.integers(0, 2**31), st.sampled_from(range(4)), st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_the_global_seed_decides(seed, which, target):
    transform, inputs = adapted(TRANSFORMS[which]), pictures(len(target))

    torch.manual_seed(seed)
    first = transform(inputs, torch.tensor(target))
    torch.manual_seed(seed)
    again = transform(inputs, torch.tensor(target))

    assert all(map(torch.equal, first, again))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
def test_counts_move_with_the_module_and_are_in_no_checkpoint(transform):
    transform = adapted(transform)

    assert transform.state_dict() == {}
    assert transform.to("meta").class_counts.device.type == "meta"


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
def test_nothing_is_read_from_a_device(transform):
    # Tensors of the meta device have no values, so that reading one is an error.
    transform = adapted(transform).to("meta")
    transform._checked = True  # done once, on the first batch

    mixed, shares = transform(pictures(6).to("meta"), torch.zeros(6, dtype=torch.int64, device="meta"))

    assert mixed.device.type == shares.device.type == "meta"


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
def test_targets_are_read_on_every_batch_where_that_is_asked_for(transform):
    transform = adapted(transform).to("meta")
    transform._checked, transform.validate = True, True

    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        transform(pictures(6).to("meta"), torch.zeros(6, dtype=torch.int64, device="meta"))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=NAMES)
def test_the_counts_must_be_known(transform):
    with pytest.raises(RuntimeError) as error:
        transform(pictures(2), torch.tensor([0, 1]))

    name = type(transform).__name__
    assert str(error.value) == (
        f"{name} must know the class counts before it is used, got none. Call `adapt(ClassDistribution(counts))` first."
    )


@pytest.mark.parametrize("transform", [Remix(), CutMixMinority()], ids=["Remix", "CutMixMinority"])
def test_rarity_is_of_a_class_and_not_of_several_labels(transform):
    with pytest.raises(ValueError) as error:
        transform.adapt(MULTILABEL)

    assert str(error.value) == (
        f"`task` must be 'multiclass' or 'binary' for {type(transform).__name__}, got 'multilabel': a sample has no "
        "class of its own."
    )


SOFT = torch.full((4, 3), 1 / 3)


@pytest.mark.parametrize(
    ("transform", "distribution", "inputs", "target", "kind", "message"),
    [
        (
            Remix(), DISTRIBUTION, pictures(4), SOFT, TypeError,
            "targets must be class indices for Remix, whose count decides what the mixture is called, got float32 targets of shape (4, 3).",
        ),
        (
            CutMixMinority(), DISTRIBUTION, pictures(4), SOFT, TypeError,
            "targets must be class indices for CutMixMinority, whose rarity decides how often it is pasted, got float32 targets of shape (4, 3).",
        ),
        (
            Mixup(), DISTRIBUTION, pictures(4), torch.zeros(4), ValueError,
            "class probabilities must have shape (N, 3) for Mixup, got float32 targets of shape (4,).",
        ),
        (
            Mixup(), DISTRIBUTION, pictures(4), torch.zeros(4, 6, 6, dtype=torch.int64), ValueError,
            "class indices must have shape (N,) for Mixup, one a sample, got int64 targets of shape (4, 6, 6).",
        ),
        (
            CutMix(), DISTRIBUTION, pictures(4), torch.zeros(4, 1, dtype=torch.int64), ValueError,
            "class indices must have shape (N,) for CutMix, one a sample, got int64 targets of shape (4, 1). Use `target.squeeze(1)`.",
        ),
        (
            Mixup(), BINARY, pictures(4), torch.zeros(4, 2), ValueError,
            "binary targets must have shape (N,) or (N, 1) for Mixup, got float32 targets of shape (4, 2).",
        ),
        (
            Mixup(), MULTILABEL, pictures(4), torch.zeros(4, 2, dtype=torch.uint8), ValueError,
            "multilabel targets must have shape (N, 3) for Mixup, got uint8 targets of shape (4, 2).",
        ),
        (
            Remix(), DISTRIBUTION, pictures(4), torch.tensor([0, 1, 2, 3]), ValueError,
            "targets must be class indices from 0 to 2, got 3. Pass a larger `num_classes` if it is a class, or `ignore_index=3` to leave such targets out.",
        ),
        (
            Mixup(), DISTRIBUTION, pictures(3), torch.tensor([0, 1]), ValueError,
            "`inputs` and `target` must be of as many samples, got 3 and 2.",
        ),
        (
            Mixup(), DISTRIBUTION, {"ids": pictures(2)}, torch.tensor([0, 1]), TypeError,
            "`inputs` must be a tensor for Mixup, got dict. Override `unpack_batch` to return one.",
        ),
        (
            Mixup(), DISTRIBUTION, pictures(2), [0, 1], TypeError,
            "`target` must be a tensor for Mixup, got list.",
        ),
        (
            Remix(), DISTRIBUTION, torch.zeros(2, 4, dtype=torch.int64), torch.tensor([0, 1]), TypeError,
            "`inputs` must be floating-point numbers for Remix, got int64. Convert them before, for example with `v2.ToDtype(torch.float32, scale=True)`; codes and token ids have no mixture.",
        ),
        (
            CutMix(), DISTRIBUTION, torch.zeros(2, 4), torch.tensor([0, 1]), ValueError,
            "`inputs` must be images of shape (N, channels, H, W) for CutMix, got shape (2, 4). For tables and vectors use `Mixup` or `Remix`.",
        ),
        (
            CutMixMinority(), DISTRIBUTION, torch.zeros(2, 6, 6), torch.tensor([0, 1]), ValueError,
            "`inputs` must be images of shape (N, channels, H, W) for CutMixMinority, got shape (2, 6, 6). For tables and vectors use `Mixup` or `Remix`.",
        ),
    ],
)  # fmt: skip
def test_what_has_no_mixture_is_refused(transform, distribution, inputs, target, kind, message):
    with pytest.raises(kind) as error:
        adapted(transform, distribution)(inputs, target)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mixup(0), "`alpha` must be a finite number above 0, got 0."),
        (lambda: CutMix(-1.0), "`alpha` must be a finite number above 0, got -1.0."),
        (lambda: Remix(alpha=0), "`alpha` must be a finite number above 0, got 0."),
        (lambda: Remix(kappa=0.5), "`kappa` must be a finite number from 1 on, got 0.5."),
        (lambda: Remix(tau=1.5), "`tau` must be between 0 and 1, got 1.5."),
        (lambda: CutMixMinority(alpha=0), "`alpha` must be a finite number above 0, got 0."),
        (lambda: CutMixMinority(power=-1), "`power` must be a finite number from 0 on, got -1."),
        (lambda: CutMixMinority(probability=2), "`probability` must be between 0 and 1, got 2."),
        (
            lambda: CutMixMinority(probability=0),
            "`probability` must be above 0, got 0: no batch would be mixed. Leave the transform out instead.",
        ),
        (lambda: CutMixMinority(skip_first=-1), "`skip_first` must be an integer from 0 on, got -1."),
        (lambda: CutMixMinority(skip_last=0.5), "`skip_last` must be an integer from 0 on, got 0.5."),
    ],
)
def test_parameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError) as error:
        make()

    assert str(error.value) == message


class Halves(BatchTransform):
    def __init__(self, steps: int = 1) -> None:
        super().__init__()
        self.steps = steps

    def mix(self, inputs, shares):
        return (inputs + inputs.roll(self.steps, 0)) / 2, (shares + shares.roll(self.steps, 0)) / 2


def test_a_mixing_of_ones_own_is_two_lines_and_shows_its_arguments():
    _, shares = adapted(Halves(steps=2))(pictures(3), torch.tensor([0, 1, 2]))

    assert shares.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5]]
    assert repr(Halves()) == "Halves()"
    assert repr(Halves(steps=2)) == "Halves(steps=2)"
    assert repr(Remix(kappa=2.0)) == "Remix(kappa=2.0)"
