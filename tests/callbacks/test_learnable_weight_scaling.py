from __future__ import annotations

import copy
import subprocess
import sys
from functools import partial

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights
from lightning_imbalance.callbacks import LearnableWeightScaling, TauNormalization
from lightning_imbalance.losses import CosineClassifier

COUNTS = [20, 5, 5]
WEIGHTS = class_weights(ClassDistribution(COUNTS))


def network(head: nn.Module | None = None) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3) if head is None else head)


class Epochs(L.Callback):
    """Keeps the state dict and the factors at the start and the end of each epoch."""

    def __init__(self) -> None:
        self.starts, self.ends, self.scales = [], [], []

    def on_train_epoch_start(self, trainer, pl_module):
        self.starts.append(copy.deepcopy(pl_module.model.state_dict()))

    def on_train_epoch_end(self, trainer, pl_module):
        self.ends.append(copy.deepcopy(pl_module.model.state_dict()))
        (scaling,) = [each for each in trainer.callbacks if isinstance(each, LearnableWeightScaling)]
        self.scales.append(scaling.scales)


@pytest.fixture
def fitted(tiny_trainer, blobs):
    def fit(callback, *, model=None, epochs=4, callbacks=(), ckpt_path=None, optimizer=torch.optim.AdamW, **options):
        seen = Epochs()
        model = WeightedClassifier(network() if model is None else model, weighting="uniform", optimizer=optimizer)
        trainer = tiny_trainer(max_epochs=epochs, callbacks=[callback, seen, *callbacks], **options)
        trainer.fit(model, DataLoader(blobs(COUNTS), 10), ckpt_path=ckpt_path)
        return model, seen, trainer

    return fit


def moved(before, after) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


HEAD = {"3.weight", "3.bias"}
STATISTICS = {"1.running_mean", "1.running_var", "1.num_batches_tracked"}


def by_hand(weight, bias, batches, epochs, *, accumulate=1, lr, momentum):
    """Learn the factors in plain torch: z_c = s_c (w_c x + b_c), weighted mean over a step, SGD with momentum."""
    scale, velocity = torch.ones(len(weight), requires_grad=True), torch.zeros(len(weight))
    for _ in range(epochs):
        for first in range(0, len(batches), accumulate):
            numerator = denominator = 0
            for inputs, target in batches[first : first + accumulate]:
                log_p = (scale * (inputs @ weight.T + bias)).log_softmax(1)
                numerator = numerator - (WEIGHTS[target] * log_p[range(len(target)), target]).sum()
                denominator = denominator + WEIGHTS[target].sum()
            (gradient,) = torch.autograd.grad(numerator / denominator, scale)
            velocity = momentum * velocity + gradient
            scale = (scale.detach() - lr * velocity).requires_grad_()
    return scale.detach()


@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_factors_are_those_that_plain_torch_learns(accumulate, fitted, blobs):
    callback = LearnableWeightScaling(1)
    sgd = partial(torch.optim.SGD, lr=0.3, momentum=0.9)

    _, seen, _ = fitted(callback, model=nn.Linear(3, 3), epochs=4, optimizer=sgd, accumulate_grad_batches=accumulate)

    layer = seen.ends[0]
    expected = by_hand(
        layer["weight"],
        layer["bias"],
        list(DataLoader(blobs(COUNTS), 10)),
        3,
        accumulate=accumulate,
        lr=0.3,
        momentum=0.9,
    )
    torch.testing.assert_close(callback.scales, expected)
    assert (callback.scales - 1).abs().min() > 0.01


@pytest.mark.parametrize("when", [{"start_epoch": 2}, {"start": 0.5}])
def test_from_the_start_epoch_on_only_the_factors_are_trained(when, fitted):
    callback = LearnableWeightScaling(**when)

    model, seen, _ = fitted(callback)

    assert [moved(*epoch) >= HEAD for epoch in zip(seen.starts, seen.ends, strict=True)] == [True] * 4
    assert [moved(*epoch) == HEAD for epoch in zip(seen.starts, seen.ends, strict=True)] == [False, False, True, True]
    assert seen.scales[:2] == [None, None]
    assert moved(seen.ends[1], seen.starts[2]) == set()
    for name, value in {"3.weight": callback.scales[:, None], "3.bias": callback.scales}.items():
        assert torch.equal(model.model.state_dict()[name], seen.ends[1][name] * value)
    assert torch.equal(model.class_weights, WEIGHTS)


def test_until_the_start_the_fit_is_one_without_the_callback(tiny_trainer, blobs):
    results = []
    for callbacks in ([], [LearnableWeightScaling(2), Epochs()]):
        torch.manual_seed(0)
        model = WeightedClassifier(network(), weighting="uniform")
        trainer = tiny_trainer(max_epochs=3 if callbacks else 2, callbacks=callbacks)
        trainer.fit(model, DataLoader(blobs(COUNTS), 10))
        results.append(callbacks[1].ends[1] if callbacks else model.model.state_dict())

    assert moved(*results) == set()


def test_statistics_of_batch_normalization_move_if_asked(fitted):
    _, seen, _ = fitted(LearnableWeightScaling(1, update_bn=True), epochs=2)

    assert moved(seen.starts[1], seen.ends[1]) == HEAD | STATISTICS


def test_without_a_weighting_the_class_weights_stay(fitted):
    model, _, _ = fitted(LearnableWeightScaling(1, weighting=None), epochs=2)

    assert model.class_weights.tolist() == [1, 1, 1]


def test_a_layer_without_bias_is_scaled(fitted):
    model, seen, _ = fitted(callback := LearnableWeightScaling(1), model=nn.Linear(3, 3, bias=False), epochs=2)

    assert torch.equal(model.model.weight, seen.ends[0]["weight"] * callback.scales[:, None])


def test_classes_of_equal_weight_are_fitted_better(fitted, blobs):
    sgd = partial(torch.optim.SGD, lr=0.5)
    inputs, target = blobs(COUNTS).tensors

    _, seen, _ = fitted(LearnableWeightScaling(5), model=nn.Linear(3, 3, bias=False), epochs=20, optimizer=sgd)

    before, after = (
        nn.functional.cross_entropy(inputs @ state["weight"].T, target, WEIGHTS)
        for state in (seen.ends[4], seen.ends[-1])
    )
    assert after < 0.95 * before


def test_after_the_fit_the_model_is_one_without_the_callback(fitted):
    plain = network()
    model, _, _ = fitted(LearnableWeightScaling(2))

    assert list(model.model.state_dict()) == list(plain.state_dict())
    assert [name for name, _ in model.model.named_parameters()] == [name for name, _ in plain.named_parameters()]
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not model.model[3]._forward_hooks


class Failing(L.Callback):
    def on_train_batch_end(self, trainer, *_args):
        if trainer.current_epoch == 1:
            msg = "power cut"
            raise RuntimeError(msg)


def test_a_fit_that_is_interrupted_leaves_the_scaled_model(fitted):
    net, callback = network(), LearnableWeightScaling(1)

    with pytest.raises(RuntimeError, match="power cut"):
        fitted(callback, model=net, callbacks=[Failing()])

    assert list(net.state_dict()) == list(network().state_dict())
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert torch.equal(net[3].weight, callback.state_dict()["weight"] * callback.scales[:, None])


@pytest.fixture
def halfway(fitted, tmp_path):
    """Fit with a checkpoint an epoch, and give the model, the factors and how to resume from one of them."""

    def saver() -> ModelCheckpoint:
        return ModelCheckpoint(tmp_path, save_top_k=-1, filename="{epoch}")

    def resume(epoch):
        path = tmp_path / f"epoch={epoch}.ckpt"
        callback = LearnableWeightScaling(2)
        model, _, _ = fitted(callback, epochs=5, callbacks=[saver()], enable_checkpointing=True, ckpt_path=path)
        return model, callback

    callback = LearnableWeightScaling(2)
    whole, _, _ = fitted(callback, epochs=5, callbacks=[saver()], enable_checkpointing=True)
    return whole, callback, resume


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_a_resumed_fit_gives_the_same_bits(epoch, halfway):
    whole, callback, resume = halfway

    resumed, again = resume(epoch)

    assert moved(whole.state_dict(), resumed.state_dict()) == set()
    assert torch.equal(callback.scales, again.scales)
    assert torch.equal(callback.state_dict()["weight"], again.state_dict()["weight"])


def test_a_fit_is_resumed_from_a_checkpoint_saved_after_it(fitted, tmp_path):
    net = nn.Linear(3, 3)
    whole, _, _ = fitted(LearnableWeightScaling(1), model=copy.deepcopy(net), epochs=4)
    _, _, trainer = fitted(LearnableWeightScaling(1), model=copy.deepcopy(net), epochs=2)
    trainer.save_checkpoint(tmp_path / "two.ckpt")

    resumed, _, _ = fitted(LearnableWeightScaling(1), model=nn.Linear(3, 3), epochs=4, ckpt_path=tmp_path / "two.ckpt")

    assert moved(whole.state_dict(), resumed.state_dict()) == set()


def test_the_same_trainer_goes_on(fitted, blobs):
    callback = LearnableWeightScaling(1)
    model, _, trainer = fitted(callback, model=nn.Linear(3, 3), epochs=2)
    kept, scales = callback.state_dict(), callback.scales
    trainer.fit_loop.max_epochs = 3

    trainer.fit(model, DataLoader(blobs(COUNTS), 10))

    assert torch.equal(callback.state_dict()["weight"], kept["weight"])
    assert not torch.equal(callback.scales, scales)


def test_a_new_trainer_begins_anew(fitted):
    callback = LearnableWeightScaling(1)
    fitted(callback, epochs=2)

    _, seen, _ = fitted(callback, epochs=2)

    assert seen.scales[0] is None
    assert moved(seen.starts[0], seen.ends[0]) > HEAD


def test_every_checkpoint_gives_the_scaled_logits_without_the_callback(fitted, tmp_path):
    inputs = torch.randn(5, 3)

    class Watching(L.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            trainer.save_checkpoint(tmp_path / "full.ckpt")
            trainer.save_checkpoint(tmp_path / "weights.ckpt", weights_only=True)
            with torch.no_grad():
                self.logits = pl_module.eval()(inputs)
            pl_module.train()

    watching = Watching()
    model, _, trainer = fitted(LearnableWeightScaling(1), epochs=3, callbacks=[watching])
    trainer.save_checkpoint(tmp_path / "after.ckpt")

    torch.testing.assert_close(model.eval()(inputs), watching.logits)
    for name in ("full", "weights", "after"):
        loaded = WeightedClassifier.load_from_checkpoint(tmp_path / f"{name}.ckpt", model=network(), strict=True).eval()
        torch.testing.assert_close(loaded(inputs), watching.logits)


def test_another_process_predicts_with_the_scaled_logits(fitted, tiny_trainer, tmp_path):
    inputs = torch.randn(5, 3)
    model, _, trainer = fitted(LearnableWeightScaling(1), model=nn.Linear(3, 3), epochs=3)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    torch.save(inputs, tmp_path / "inputs.pt")

    program = (
        "import torch\n"
        "from lightning_imbalance import WeightedClassifier\n"
        "model = WeightedClassifier.load_from_checkpoint('model.ckpt', model=torch.nn.Linear(3, 3))\n"
        "torch.save(model.predict_step(torch.load('inputs.pt'), 0), 'predicted.pt')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)

    predicted = torch.load(tmp_path / "predicted.pt")
    assert torch.equal(predicted, model.predict_step(inputs, 0))
    torch.testing.assert_close(
        predicted, torch.cat(tiny_trainer().predict(model, DataLoader(inputs, 2))), rtol=1e-5, atol=1e-6
    )


def test_a_test_with_a_checkpoint_needs_nothing(fitted, tiny_trainer, blobs, tmp_path):
    model, _, trainer = fitted(LearnableWeightScaling(1), model=nn.Linear(3, 3), epochs=2)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    loader = DataLoader(blobs(COUNTS), 10)
    (expected,) = tiny_trainer().test(model, loader, verbose=False)

    callback = LearnableWeightScaling(1)
    other = WeightedClassifier(nn.Linear(3, 3), 3, weighting="uniform")
    (found,) = tiny_trainer(callbacks=[callback]).test(other, loader, ckpt_path=tmp_path / "model.ckpt", verbose=False)

    assert found == expected
    assert callback.scales.shape == (3,)


# --- what goes wrong ---------------------------------------------------------------------------------------------


@pytest.fixture
def refusal(tiny_trainer):
    def of(kind, callback, model, *others) -> str:
        with pytest.raises(kind) as error:
            callback.setup(tiny_trainer(max_epochs=3, callbacks=[callback, *others]), model, "fit")
        return str(error.value)

    return of


@pytest.mark.parametrize("task", ["binary", "multilabel"])
def test_classes_that_do_not_compete_are_refused(task, refusal):
    model = WeightedClassifier(nn.Linear(3, 1 if task == "binary" else 3), 2 if task == "binary" else 3, task=task)

    assert refusal(ValueError, LearnableWeightScaling(1), model) == (
        f"weight scaling needs classes that compete, `task='multiclass'`, got '{task}', where a factor of a logit "
        "changes no decision."
    )


def test_a_cosine_classifier_is_refused(refusal):
    model = WeightedClassifier(network(CosineClassifier(8, 3)), 3)

    assert refusal(TypeError, LearnableWeightScaling(1, head="model.3"), model) == (
        "`head` must name a torch.nn.Linear for weight scaling, with a weight of its own that the factors can be "
        "multiplied into, got CosineClassifier for 'model.3'."
    )


def test_a_network_without_a_linear_layer_is_refused(refusal):
    model = WeightedClassifier(nn.Conv1d(3, 3, 1), 3)

    assert refusal(ValueError, LearnableWeightScaling(1), model) == (
        "`head` must be the path of the module's last layer (it has no torch.nn.Linear), got None."
    )


def test_a_layer_of_another_size_is_refused(refusal):
    assert refusal(ValueError, LearnableWeightScaling(1, head="model.0"), WeightedClassifier(network(), 3)) == (
        "`head` must have an output for each of the 3 classes, got 8 of 'model.0'. Name the last layer: "
        '`LearnableWeightScaling(head="model.fc")`.'
    )


def test_one_output_is_refused(refusal):
    class Plain(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 1)

    assert refusal(ValueError, LearnableWeightScaling(1, weighting=None), Plain()) == (
        "`head` must have an output for each of the two or more classes, got 1 of 'layer'. Name the last layer: "
        '`LearnableWeightScaling(head="model.fc")`.'
    )


def test_a_weight_that_others_use_is_refused(refusal):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight

    assert refusal(ValueError, LearnableWeightScaling(1), WeightedClassifier(net, 3)) == (
        "the weight of the last layer must be its own to be scaled, got one that is 'model.0.weight' and "
        "'model.1.weight'."
    )


def test_tau_normalization_beside_it_is_refused(refusal):
    model = WeightedClassifier(network(), 3)

    assert refusal(ValueError, LearnableWeightScaling(1), model, TauNormalization()) == (
        "the lengths of the class vectors must be changed by one callback, got LearnableWeightScaling and "
        "TauNormalization. Leave one out."
    )


def test_an_optimizer_without_the_factors_is_refused(tiny_trainer, blobs):
    class Chosen(WeightedClassifier):
        def configure_optimizers(self):
            return torch.optim.SGD([self.model[3].weight, self.model[3].bias], lr=0.1)

    model = Chosen(network())

    with pytest.raises(ValueError) as error:
        tiny_trainer(max_epochs=2, callbacks=[LearnableWeightScaling(1)]).fit(model, DataLoader(blobs(COUNTS), 10))

    assert str(error.value) == (
        "the optimizer must have the factors of the last layer from the beginning, got an optimizer without them. Give "
        "it `self.parameters()`."
    )
    assert list(model.model.state_dict()) == list(network().state_dict())


def test_a_checkpoint_made_without_it_is_not_resumed(tiny_trainer, blobs, tmp_path):
    loader = DataLoader(blobs(COUNTS), 10)
    trainer = tiny_trainer()
    trainer.fit(WeightedClassifier(network()), loader)
    trainer.save_checkpoint(tmp_path / "model.ckpt")

    with pytest.raises(ValueError) as error:
        tiny_trainer(max_epochs=3, callbacks=[LearnableWeightScaling(1)]).fit(
            WeightedClassifier(network()), loader, ckpt_path=tmp_path / "model.ckpt"
        )

    assert str(error.value) == (
        "a fit must have LearnableWeightScaling from its beginning to be resumed with it, got a checkpoint made "
        "without. Load the model from it, and begin a fit with `LearnableWeightScaling(start_epoch=0)`."
    )
