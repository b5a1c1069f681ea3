"""What is fitted after training is fitted on all processes' samples, and is the same everywhere."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import TensorDataset

pytestmark = pytest.mark.xdist_group("processes")


def dataset(size: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(size)
    target = torch.arange(size) % 3
    return TensorDataset(torch.eye(3)[target] + torch.randn(size, 3, generator=generator), target)


def same(one: dict, other: dict) -> bool:
    # Another order of the samples rounds their sum otherwise.
    return all(
        torch.allclose(torch.as_tensor(value, dtype=torch.float64), torch.as_tensor(other[name], dtype=torch.float64))
        for name, value in one.items()
        if value is not None and not isinstance(value, str)
    )


@pytest.mark.parametrize("size", [2, 3])
def test_any_number_of_processes_fits_what_one_fits(size, crew):
    (alone,) = crew(1).run("posthoc", dataset(61), 7)

    for result in crew(size).run("posthoc", dataset(61), 7):
        for when in ("fit", "validate"):
            assert all(same(mine, theirs) for mine, theirs in zip(result[when], alone[when], strict=True))


def test_a_new_last_layer_is_the_same_on_every_process_and_alone_is_trained(crew):
    first, second = crew(2).run("retrain", dataset(23))

    for name in ("first", "before", "after"):
        assert all(torch.equal(*pair) for pair in zip(first[name], second[name], strict=True))
    assert [torch.equal(*pair) for pair in zip(first["before"], first["after"], strict=True)] == [
        True,
        True,
        False,
        False,
    ]
    assert not torch.equal(first["first"][2], first["before"][2])


@pytest.mark.parametrize("accumulate", [1, 2])
def test_factors_of_the_logits_are_those_of_one_process_with_all_samples(accumulate, crew):
    inputs, target = dataset(24).tensors
    parts = list(zip(inputs.split(4), target.split(4), strict=True))
    (alone,) = crew(1).run(
        "scale", [list(zip(inputs.split(8 * accumulate), target.split(8 * accumulate), strict=True))]
    )

    first, second = crew(2).run("scale", [parts[::2], parts[1::2]], accumulate)

    for name in ("scales", "weight", "resumed"):
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], alone[name], rtol=1e-4, atol=1e-5)
    for result in (alone, first, second):
        assert (result["scales"] - 1).abs().min() > 1e-3
        assert torch.equal(result["resumed"], result["scales"])
        assert all(result["loaded"])
