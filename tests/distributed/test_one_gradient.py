"""One gradient, promise 2: R processes x A batches x B samples train as one process does with all of them."""

from __future__ import annotations

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

pytestmark = pytest.mark.xdist_group("processes")

IGNORED = 255
Batches = list[list[tuple[Tensor, Tensor]]]


def on_one_device(
    batches: Batches,
    weights: list[float],
    accumulate: int,
    clip: tuple[str, float] | None = None,
    epochs: int = 1,
) -> list[Tensor]:
    """The oracle: plain torch, all samples of an optimizer step in one batch."""
    torch.manual_seed(0)
    network = nn.Linear(3, 3).double()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    weight = torch.tensor(weights).double()
    steps = range(0, len(batches[0]), accumulate)
    for first in [*steps] * epochs:
        window = [batch for rank in batches for batch in rank[first : first + accumulate]]
        inputs, target = (torch.cat(parts) for parts in zip(*window, strict=True))
        soft = target.is_floating_point()
        counted = (target * weight).sum(1) if soft else torch.where(target == IGNORED, 0, weight[target % IGNORED])
        optimizer.zero_grad()
        if counted.sum() > 0:
            ignored = {} if soft else {"ignore_index": IGNORED}
            loss = F.cross_entropy(network(inputs), target, weight, reduction="none", **ignored)
            (loss.sum() / counted.sum()).backward()
        else:
            (network(inputs).sum() * 0).backward()
        if clip is not None:
            function = nn.utils.clip_grad_norm_ if clip[0] == "norm" else nn.utils.clip_grad_value_
            function(network.parameters(), clip[1])
        optimizer.step()
    return [parameter.detach() for parameter in network.parameters()]


def deviation(parameters: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference, relative to the largest parameter."""
    ours, theirs = (torch.cat([each.flatten() for each in values]) for values in (parameters, expected))
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def random_batches(sizes: list[list[int]], seed: int, ignored: float, *, soft: bool = False) -> Batches:
    generator = torch.Generator().manual_seed(seed)

    def batch(size: int) -> tuple[Tensor, Tensor]:
        inputs = torch.randn(size, 3, generator=generator, dtype=torch.float64)
        if soft:
            return inputs, torch.rand(size, 3, generator=generator, dtype=torch.float64).softmax(1)
        target = torch.randint(3, (size,), generator=generator)
        return inputs, target.masked_fill(torch.rand(size, generator=generator) < ignored, IGNORED)

    return [[batch(size) for size in rank] for rank in sizes]


@st.composite
def cases(draw, size: int) -> dict[str, object]:
    batches = draw(st.integers(1, 5))
    sizes = draw(
        st.lists(st.lists(st.integers(1, 5), min_size=batches, max_size=batches), min_size=size, max_size=size)
    )
    weights = draw(st.lists(st.sampled_from([0.0, 0.2, 1.0, 7.0, 300.0]), min_size=3, max_size=3).filter(any))
    soft = draw(st.booleans())
    return {
        "batches": random_batches(
            sizes, draw(st.integers(0, 2**16)), draw(st.sampled_from([0, 0.3, 0.9, 1])), soft=soft
        ),
        "weights": weights,
        "accumulate": draw(st.integers(1, 4)),
        "clip": draw(st.sampled_from([None, ("norm", 0.05), ("norm", 10.0), ("value", 0.01)])),
        "epochs": draw(st.integers(1, 2)),
    }


@pytest.mark.parametrize("size", [1, 2, 3])
def test_any_split_gives_the_parameters_of_the_whole_batch(size, crew):
    @settings(max_examples=40)
    @given(cases(size))
    def check(case):
        expected = on_one_device(**case)

        results = crew(size).run("train", **case, ignore_index=IGNORED)

        for result in results:
            assert deviation(result["parameters"], expected) < 1e-6
            assert all(parameter.isfinite().all() for parameter in result["parameters"])

    check()


UNEVEN = random_batches([[4, 1, 3, 2, 4], [1, 2, 4, 4, 1]], seed=1, ignored=0.2)
RARE = [0.3, 2.0, 40.0]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_without_it_the_parameters_are_others(accumulate, crew):
    expected = on_one_device(UNEVEN, RARE, accumulate)

    naive, exact = (
        crew(2).run("train", UNEVEN, RARE, accumulate=accumulate, ignore_index=IGNORED, exact_mean=on)[0]["parameters"]
        for on in (False, True)
    )

    assert deviation(naive, expected) > 1e-3
    assert deviation(exact, expected) < 1e-12


def test_a_rank_without_a_target_that_counts_waits_for_no_one_and_adds_nothing(crew):
    inputs = torch.randn(3, 3, dtype=torch.float64)
    nothing, something = torch.full((3,), IGNORED), torch.tensor([0, 1, 2])
    batches = [[(inputs, nothing), (inputs, nothing)], [(inputs, something), (inputs, nothing)]]

    for result in crew(2).run("train", batches, RARE, ignore_index=IGNORED):
        # The second step has nothing at all: its gradient is 0, and only momentum moves on.
        assert deviation(result["parameters"], on_one_device(batches, RARE, 1)) < 1e-12


@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_optimizer_step_costs_one_reduction_of_one_or_two_numbers(accumulate, crew):
    for result in crew(2).run("train", UNEVEN, RARE, accumulate=accumulate, ignore_index=IGNORED):
        # With accumulation one more in the first step, in which the processes agree on K.
        steps = {1: [[1]] * 5, 2: [[1], [2], [], [2], [2]]}[accumulate]
        assert result["reductions"] == steps


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_look_at_the_loss_between_the_steps_is_no_part_of_them(accumulate, crew):
    expected = on_one_device(UNEVEN, RARE, accumulate)

    for result in crew(2).run("train", UNEVEN, RARE, accumulate=accumulate, ignore_index=IGNORED, peek=True):
        assert deviation(result["parameters"], expected) < 1e-12


def test_one_process_that_accumulates_nothing_is_not_touched(crew):
    (result,) = crew(1).run("train", UNEVEN[:1], RARE, ignore_index=IGNORED)

    assert result["reductions"] == [[]] * 5
    assert deviation(result["parameters"], on_one_device(UNEVEN[:1], RARE, 1)) < 1e-15


def test_the_logged_training_loss_is_the_mean_over_the_same_samples(crew):
    still = {"lr": 0.0, "ignore_index": IGNORED}
    alone = crew(1).run("train", [UNEVEN[0] + UNEVEN[1]], RARE, **still)[0]["logged"]
    together = [result["logged"] for result in crew(2).run("train", UNEVEN, RARE, accumulate=2, **still)]

    assert together[0] == together[1]
    assert together[0] == pytest.approx(alone, rel=1e-7)


@pytest.mark.parametrize("size", [1, 2])
def test_a_schedule_of_accumulation_is_followed(size, crew):
    batches = UNEVEN[:size]

    changed = crew(size).run("train", batches, RARE, accumulate={0: 1, 1: 3}, epochs=2, ignore_index=IGNORED)[0]
    unchanged = crew(size).run("train", batches, RARE, ignore_index=IGNORED)[0]

    assert deviation(unchanged["parameters"], on_one_device(batches, RARE, 1)) < 1e-12
    assert deviation(changed["parameters"], on_a_schedule(batches)) < 1e-12


def on_a_schedule(batches: Batches) -> list[Tensor]:
    """The batches of the first epoch one by one, then those of the second by threes, as one run of steps."""
    singles = [[batch] for batch in zip(*batches, strict=True)]
    threes = [[*zip(*(rank[i : i + 3] for rank in batches), strict=True)] for i in (0, 3)]
    windows = [
        [(torch.cat([b[0] for g in w for b in g]), torch.cat([b[1] for g in w for b in g]))]
        for w in (*singles, *threes)
    ]
    return on_one_device([[window[0] for window in windows]], RARE, 1)


@pytest.mark.skipif(not hasattr(torch.cpu.Stream, "record_event"), reason="this torch shards parameters on GPUs only")
def test_parameters_that_are_cut_over_the_processes_get_the_same_gradient(crew):
    for whole, sharded in crew(2).run("sharded", UNEVEN, RARE):
        assert deviation(sharded, whole) < 1e-12


def test_lightning_refuses_the_first_fsdp_without_a_gpu():
    with pytest.raises(ValueError, match="requires a GPU"):
        L.Trainer(strategy="fsdp", accelerator="cpu")


@pytest.mark.parametrize("half", [{"precision": "bf16-mixed"}, {"scaler": True}], ids=["bf16", "fp16 with GradScaler"])
@pytest.mark.parametrize("size", [1, 2])
def test_mixed_precision_rounds_and_changes_nothing_else(half, size, crew):
    batches = [[(x.float(), y) for x, y in rank] for rank in UNEVEN[:size]]
    expected = on_one_device(UNEVEN[:size], RARE, 2)

    result = crew(size).run("train", batches, RARE, accumulate=2, ignore_index=IGNORED, **half)[0]

    assert deviation([parameter.double() for parameter in result["parameters"]], expected) < 0.02


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_resumed_fit_has_the_bits_of_one_never_interrupted(size, accumulate, crew):
    for whole, resumed in crew(size).run("resume", UNEVEN[:size], [0.3, 2.0, 40.0], accumulate):
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(resumed, whole, strict=True))
