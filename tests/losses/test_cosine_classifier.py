from __future__ import annotations

import torch
from torch import nn

from lightning_imbalance import ClassDistribution
from lightning_imbalance.functional import cosine_logits
from lightning_imbalance.losses import CosineClassifier, LDAMLoss


def test_the_module_is_its_function():
    layer, features = CosineClassifier(5, 3, scale=7.0), torch.randn(2, 4, 5)

    assert torch.equal(layer(features), cosine_logits(features, layer.weight, 7.0))


def test_class_vectors_start_with_length_1_in_every_direction():
    weight = CosineClassifier(64, 1000).weight

    assert torch.allclose(weight.norm(dim=1), torch.ones(1000), atol=1e-5)
    assert weight.mean(0).abs().max() < 0.02


def test_its_outputs_are_logits_whose_softmax_can_be_sure():
    layer = CosineClassifier(3, 3)
    layer.weight.data = torch.eye(3)

    assert layer(torch.eye(3)).softmax(1).diagonal().min() > 0.999


def test_it_compiles_without_a_graph_break():
    layer, features = CosineClassifier(5, 3), torch.randn(4, 5)
    torch.compiler.reset()

    assert torch.equal(torch.compile(layer, fullgraph=True, backend="eager")(features), layer(features))


def test_a_network_ends_with_it_and_learns_the_margins():
    torch.manual_seed(0)
    target = torch.arange(3).repeat_interleave(torch.tensor([60, 20, 5]))
    inputs = torch.eye(3)[target] + 0.3 * torch.randn(85, 3)
    network = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), CosineClassifier(8, 3))
    loss = LDAMLoss().adapt(ClassDistribution([60, 20, 5]))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)

    for _ in range(100):
        optimizer.zero_grad()
        value = loss(network(inputs), target)
        value.backward()
        optimizer.step()

    assert (network(inputs).argmax(1) == target).float().mean() > 0.9


def test_the_repr_has_the_arguments():
    assert repr(CosineClassifier(5, 3)) == "CosineClassifier(in_features=5, num_classes=3, scale=30.0)"
