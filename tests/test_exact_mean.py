"""The exact mean on one process that accumulates batches; several processes are in tests/distributed."""

from __future__ import annotations

import warnings
from functools import partial

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier
from lightning_imbalance.exact_mean import ExactMean, Window, refuse_unreachable_gradients, scale_gradients
from lightning_imbalance.losses import WeightedCrossEntropy

WEIGHT = torch.tensor([0.3, 2.0, 40.0]).double()
SIZES = [4, 1, 3, 2]


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 3).double()


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        (torch.randn(size, 3, generator=generator).double(), torch.randint(3, (size,), generator=generator))
        for size in SIZES
    ]


class Plain(ExactMean):
    """A LightningModule of somebody's own."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()
        self.loss = WeightedCrossEntropy()

    def sums(self, batch):
        return self.loss.terms(self.network(batch[0]), batch[1], WEIGHT).sums()

    def training_step(self, batch, batch_idx):
        return self.exact_mean(*self.sums(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


def fit(module: L.LightningModule, tiny_trainer, data=None, **options) -> list[torch.Tensor]:
    loader = DataLoader(batches() if data is None else data, batch_size=None)
    tiny_trainer(**({"accumulate_grad_batches": 2} | options)).fit(module, loader)
    return [parameter.detach() for parameter in module.parameters()]


def whole_batches(penalty: float = 0.0, copies: float = 1.0, data=None) -> list[torch.Tensor]:
    """The oracle: plain torch, two batches a step, put together."""
    model, data = network(), batches() if data is None else data
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for first in range(0, len(data), 2):
        inputs, target = (torch.cat(parts) for parts in zip(*data[first : first + 2], strict=True))
        optimizer.zero_grad()
        logits = model(inputs)
        weight = WEIGHT[target]
        squares = (logits.square().sum(1) * weight).sum() / weight.sum()
        (copies * F.cross_entropy(logits, target, WEIGHT) + penalty * squares).backward()
        optimizer.step()
    return [parameter.detach() for parameter in model.parameters()]


def same(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    return all(torch.allclose(one, other, rtol=1e-12) for one, other in zip(ours, theirs, strict=True))


def test_a_module_of_ones_own_takes_the_exact_mean(tiny_trainer):
    assert same(fit(Plain(), tiny_trainer), whole_batches())


def test_it_goes_beside_another_base(tiny_trainer):
    class Theirs(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.loss = network(), WeightedCrossEntropy()

        sums, configure_optimizers = Plain.sums, Plain.configure_optimizers

    class Mine(ExactMean, Theirs):
        training_step = Plain.training_step

    assert same(fit(Mine(), tiny_trainer), whole_batches())


def test_a_further_term_goes_in_with_the_denominator(tiny_trainer):
    class Penalised(Plain):
        def training_step(self, batch, batch_idx):
            numerator, denominator = self.sums(batch)
            weight = WEIGHT[batch[1]]
            squares = (self.network(batch[0]).square().sum(1) * weight).sum() / weight.sum()
            return self.exact_mean(numerator + 0.5 * squares * denominator, denominator)

    assert same(fit(Penalised(), tiny_trainer), whole_batches(penalty=0.5))


def test_two_calls_for_two_views_of_a_batch_are_the_sum_of_two_means(tiny_trainer):
    class TwoViews(Plain):
        def training_step(self, batch, batch_idx):
            return self.exact_mean(*self.sums(batch)) + 0.5 * self.exact_mean(*self.sums(batch))

    assert same(fit(TwoViews(), tiny_trainer), whole_batches(copies=1.5))


def test_the_gradients_of_every_parameter_group_are_scaled(tiny_trainer):
    class Groups(Plain):
        def configure_optimizers(self):
            groups = [{"params": [self.network.weight]}, {"params": [self.network.bias]}]
            return torch.optim.SGD(groups, lr=0.1, momentum=0.9)

    assert same(fit(Groups(), tiny_trainer), whole_batches())


def test_clipping_sees_the_gradient_of_the_mean(tiny_trainer):
    seen = []

    class Clipped(Plain):
        def configure_gradient_clipping(self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None):
            seen.append([parameter.grad.clone() for parameter in self.parameters()])

    fit(Clipped(), tiny_trainer, batches()[:2])

    model = network()
    inputs, target = (torch.cat(parts) for parts in zip(*batches()[:2], strict=True))
    F.cross_entropy(model(inputs), target, WEIGHT).backward()
    assert same(seen[0], [parameter.grad for parameter in model.parameters()])


def test_a_step_of_nothing_but_zero_weights_has_a_gradient_of_zeros(tiny_trainer):
    class Nothing(Plain):
        def training_step(self, batch, batch_idx):
            numerator, denominator = self.sums(batch)
            return self.exact_mean(numerator, denominator * 0)

    before = [parameter.clone() for parameter in network().parameters()]
    assert same(fit(Nothing(), tiny_trainer), before)


def test_outside_of_training_it_is_the_mean_of_the_batch():
    assert Plain().exact_mean(torch.tensor(7.0), torch.tensor(4.0)).item() == 1.75


def test_the_returned_loss_keeps_the_size_of_a_mean(tiny_trainer):
    losses = []

    class Watched(Plain):
        def on_train_batch_end(self, outputs, batch, batch_idx):
            numerator, denominator = self.sums(batch)
            losses.append((outputs["loss"].item() * 2, numerator.item() / denominator.item()))

    data = [batches()[0]] * 6
    fit(Watched(), tiny_trainer, data)

    # The parameters have moved since the step.
    assert all(0.5 < returned / mean < 2 for returned, mean in losses)


def test_an_override_of_the_hook_without_super_is_named(tiny_trainer):
    class Forgetful(Plain):
        def on_before_optimizer_step(self, optimizer):
            pass

    with pytest.raises(RuntimeError) as error:
        fit(Forgetful(), tiny_trainer)

    assert str(error.value) == (
        "`on_before_optimizer_step` must be called before each optimizer step, got a step without it. Call "
        "`super().on_before_optimizer_step(optimizer)` in your override, or turn the exact mean off: `exact_mean=False`."
    )


def test_a_loss_of_ones_own_is_named_once_and_left_alone(tiny_trainer):
    class Own(WeightedClassifier):
        def class_distribution(self):
            return ClassDistribution([3, 2, 1])

        def training_step(self, batch, batch_idx):
            return F.cross_entropy(self(batch[0]), batch[1], WEIGHT)

    model = Own(network(), 3, optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9))
    with pytest.warns(UserWarning, match="must return") as warned:
        ours = fit(model, tiny_trainer)
    quiet = Own(network(), 3, optimizer=partial(torch.optim.SGD, lr=0.1, momentum=0.9), exact_mean=False)

    assert [text for each in warned if (text := str(each.message)).startswith("`training_step`")] == [
        (
            "`training_step` must return `self.exact_mean(numerator, denominator)` (or the `compute_loss` of "
            "WeightedClassifier) for one mean over 1 processes x 2 batches, got a loss of its own: the means of the "
            "batches are averaged. Pass `exact_mean=False` if that is meant."
        )
    ]
    assert same(ours, fit(quiet, tiny_trainer))


def test_without_it_the_mean_is_that_of_each_batch(tiny_trainer):
    class Given(WeightedClassifier):
        def class_distribution(self):
            return ClassDistribution([3, 2, 1])

    arguments = {"weighting": WEIGHT.tolist(), "optimizer": partial(torch.optim.SGD, lr=0.1, momentum=0.9)}

    exact, naive = (fit(Given(network(), 3, **arguments, exact_mean=on), tiny_trainer) for on in (True, False))

    assert same(exact, whole_batches())
    assert not same(naive, exact)


class ByHand(WeightedClassifier):
    def __init__(self, **arguments) -> None:
        super().__init__(network(), 3, **arguments)
        self.automatic_optimization = False

    def class_distribution(self):
        return ClassDistribution([3, 2, 1])

    def training_step(self, batch, batch_idx):
        self.optimizers().zero_grad()
        self.manual_backward(self.compute_loss(self(batch[0]), batch[1]))
        self.optimizers().step()


def test_manual_optimization_is_refused_with_the_alternative(tiny_trainer):
    with pytest.raises(ValueError, match="exact mean") as error:
        fit(ByHand(), tiny_trainer, accumulate_grad_batches=1)

    assert str(error.value) == (
        "the exact mean must rescale the gradients before each optimizer step, got `automatic_optimization = False`, "
        "where only your code knows which batches make a step. Pass `exact_mean=False` to train with the weighted mean "
        "of each batch on each process."
    )
    fit(ByHand(exact_mean=False), tiny_trainer, accumulate_grad_batches=1)


def test_a_strategy_that_accumulates_by_itself_is_refused():
    class DeepSpeedStrategy:
        handles_gradient_accumulation = True

    class Module:
        automatic_optimization = True
        trainer = type("Trainer", (), {"strategy": DeepSpeedStrategy()})()

    with pytest.raises(ValueError, match="exact mean") as error:
        refuse_unreachable_gradients(Module())

    assert str(error.value) == (
        "the exact mean must rescale the gradients before each optimizer step, got DeepSpeedStrategy, which accumulates "
        "and reduces them out of reach. Pass `exact_mean=False` to train with the weighted mean of each batch on each "
        "process."
    )


def test_sparse_gradients_and_parts_of_distributed_ones_are_scaled():
    class Part:
        """Looks like a DTensor: a part of a gradient on this process."""

        is_sparse = False

        def __init__(self, local: torch.Tensor) -> None:
            self.local = local

        def to_local(self) -> torch.Tensor:
            return self.local

    embedding, dense = nn.Embedding(4, 2, sparse=True), nn.Parameter(torch.zeros(2))
    embedding(torch.tensor([1, 3])).sum().backward()
    optimizer = torch.optim.SGD([embedding.weight, dense], lr=0.1)
    local = torch.ones(2)
    optimizer.param_groups[0]["params"].append(type("Parameter", (), {"grad": Part(local)})())

    scale_gradients(optimizer, torch.tensor(3.0, dtype=torch.float64))

    assert embedding.weight.grad.to_dense().tolist() == [[0, 0], [3, 3], [0, 0], [3, 3]]
    assert local.tolist() == [3, 3]


@pytest.mark.parametrize("backend", ["eager"])
def test_the_sums_of_a_step_compile_without_a_graph_break(backend):
    window = Window()
    terms = WeightedCrossEntropy().terms(torch.randn(4, 3), torch.tensor([0, 1, 2, 0]), WEIGHT.float())
    torch.compiler.reset()

    window.begin(terms.sums()[1], 1)

    def step(numerator, denominator):
        return window.add(numerator, denominator, (0, 0), 0)

    compiled = torch.compile(step, fullgraph=True, backend=backend)(*terms.sums())

    assert compiled.item() == pytest.approx((terms.loss.sum() / terms.weight.sum()).item())


def test_the_loss_of_a_module_compiles_without_a_graph_break():
    model = WeightedClassifier(nn.Linear(3, 3), 3)
    inputs, target = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    torch.compiler.reset()

    def step(inputs, target):
        return model.compute_loss(model(inputs), target)

    compiled = torch.compile(step, fullgraph=True, backend="eager")(inputs, target)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(compiled, step(inputs, target))


@pytest.mark.parametrize("stop_at", [0, 2])
def test_a_fit_that_stops_inside_a_window_leaves_nothing_to_the_next(stop_at, tiny_trainer):
    class Stopping(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if batch_idx == stop_at:
                raise KeyboardInterrupt

    module = Plain()
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(module, tiny_trainer, accumulate_grad_batches=3, callbacks=[Stopping()])
    module.network = network()

    assert same(fit(module, tiny_trainer), whole_batches())


def test_a_window_that_lightning_drops_is_dropped_here_too(tiny_trainer):
    class Skipping(Plain):
        def on_train_batch_start(self, batch, batch_idx):
            # Ends the first epoch after one of the two batches of a window.
            return -1 if self.current_epoch == 0 and batch_idx == 1 else None

    class Kept(L.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                pl_module.network.load_state_dict(network().state_dict())
                trainer.optimizers[0].state.clear()

    module = Skipping()
    ours = fit(module, tiny_trainer, max_epochs=2, callbacks=[Kept()])

    assert same(ours, whole_batches())


def test_a_checkpoint_of_a_fit_that_has_not_begun_keeps_what_was_loaded(tiny_trainer, tmp_path):
    module = Plain()
    module._unfinished = {"scale": torch.tensor(3.0), "batches": 1}
    checkpoint = {}

    module.on_save_checkpoint(checkpoint)

    assert checkpoint["lightning_imbalance.exact_mean"]["batches"] == 1
