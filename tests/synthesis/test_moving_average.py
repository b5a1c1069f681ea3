from __future__ import annotations

import pytest
import torch
from torch import nn

from lightning_imbalance.synthesis.moving_average import MovingAverage


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


@pytest.mark.parametrize("decay", [0.0, 0.4, 0.999])
def test_it_is_the_average_of_plain_python(decay):
    model = network()
    average = MovingAverage(model, decay)
    expected = {name: value.clone() for name, value in model.state_dict().items()}
    for step in range(1, 6):
        model(torch.randn(8, 2))
        nn.init.normal_(model[0].weight)
        average.update(model)
        old = min(decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            expected[name] = old * expected[name] + (1 - old) * value if value.is_floating_point() else value.clone()

    assert average.updates == 5
    for name, value in average.network.state_dict().items():
        torch.testing.assert_close(value, expected[name])


def test_it_does_not_learn_and_speaks_in_evaluation_mode():
    model = network()
    average = MovingAverage(model).train()
    inputs = torch.randn(4, 2)

    made = average(inputs)

    torch.testing.assert_close(made, model.eval()(inputs))
    assert not made.requires_grad
    assert average.network.training
    assert average.network[1].num_batches_tracked == 0


def test_it_stays_apart_from_the_network():
    model = network()
    average = MovingAverage(model)

    nn.init.zeros_(model[0].weight)

    assert average.network[0].weight.abs().sum() > 0


def test_an_update_waits_for_no_device():
    model = network().to("meta")

    MovingAverage(model).update(model)
