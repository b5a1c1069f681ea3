from __future__ import annotations

from types import SimpleNamespace

import lightning as L
import pytest
import torch
from lightning.pytorch.strategies import DDPStrategy
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from lightning_imbalance import ClassDistribution
from lightning_imbalance.data import Digits, long_tailed
from lightning_imbalance.synthesis import ConditionalGAN, SyntheticDataset
from lightning_imbalance.synthesis.discriminator import ImageDiscriminator
from lightning_imbalance.weighting import Power

TINY = {"latent_size": 4, "width": 4}


@pytest.fixture
def fitted(points_datamodule, tiny_trainer):
    """Fit a small one on points; give it with its Trainer."""

    def fit(datamodule=None, max_epochs=2, **options):
        gan = ConditionalGAN(**({"num_features": 2, **TINY} | options))
        trainer = tiny_trainer(max_epochs=max_epochs)
        trainer.fit(gan, datamodule=datamodule or points_datamodule())
        return gan, trainer

    return fit


def test_it_learns_digits_that_a_classifier_recognises(tiny_trainer):
    digits = Digits()
    tail = long_tailed(digits.labels, 5)
    judge = LogisticRegression(C=0.1, max_iter=200).fit(digits.images.flatten(1), digits.labels)
    torch.manual_seed(0)
    gan = ConditionalGAN(image_size=8, width=16)

    tiny_trainer(max_epochs=16).fit(gan, DataLoader(Subset(digits, tail.tolist()), 32, shuffle=True))

    images, target = gan.generate([20] * 10, seed=0)
    said = torch.as_tensor(judge.predict(images.flatten(1)))
    assert (said == target).double().mean() > 0.75  # chance is 0.1
    assert (said == target)[target == 9].double().mean() > 0.4
    # And not ten images, twenty times each.
    apart = torch.stack([torch.pdist(images[target == digit].flatten(1)).mean() for digit in range(10)])
    real = torch.stack([torch.pdist(digits.images[digits.labels == digit].flatten(1)).mean() for digit in range(10)])
    assert (apart / real).mean() > 0.7


def test_everything_comes_from_the_training_data(fitted):
    gan, trainer = fitted()

    assert gan.num_classes == 2
    assert gan.distribution == ClassDistribution([40, 8])
    assert gan.class_weights.tolist() == pytest.approx([0.6, 3.0])
    assert {"train_discriminator_loss", "train_generator_loss", "train_real_score", "train_fake_score"} < set(
        trainer.callback_metrics
    )
    assert "val_real_score" in trainer.callback_metrics
    assert all(value.isfinite() for value in trainer.callback_metrics.values())


@pytest.mark.parametrize("size", [4, 8, 16, 28])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_come_in_the_size_and_the_range_of_the_data(size, channels, tiny_trainer):
    images = 5 + 20 * torch.rand(12, channels, size, size)
    data = TensorDataset(images, torch.arange(12) % 3)
    gan = ConditionalGAN(image_size=size, **TINY)

    tiny_trainer().fit(gan, DataLoader(data, 5))  # and a last batch of two

    made, _ = gan.generate([2, 0, 3])
    assert made.shape == (5, channels, size, size)
    assert made.min() >= images.min()
    assert made.max() <= images.max()
    assert made.std() > 0


def test_a_batch_of_one_row_is_trained_on(tiny_trainer, points):
    gan = ConditionalGAN(num_features=2, **TINY)

    tiny_trainer().fit(gan, DataLoader(points([4, 1]), 4))

    assert all(parameter.isfinite().all() for parameter in gan.parameters())


def test_the_seed_decides_and_torchs_own_generator_stays(fitted):
    gan, _ = fitted()
    before = torch.random.get_rng_state()

    one, two, three, other = (gan.generate({1: 6}, seed=seed)[0] for seed in (3, 3, 4, None))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    assert not torch.equal(other, gan.generate({1: 6})[0])


def test_it_does_not_matter_how_many_are_made_at_a_time(fitted):
    gan, _ = fitted()

    few, target = gan.generate([3, 4], seed=0)
    cut, _ = gan.generate([3, 4], seed=0, batch_size=2)

    torch.testing.assert_close(few, cut)
    assert target.tolist() == [0] * 3 + [1] * 4
    assert not few.requires_grad


def test_what_the_classes_lack_is_made_by_default(fitted):
    gan, _ = fitted()

    assert gan.generate()[1].tolist() == [1] * 32


def test_names_say_which_class(points, tiny_trainer):
    gan = ConditionalGAN(num_features=2, class_names=["nevus", "melanoma"], **TINY)

    tiny_trainer().fit(gan, DataLoader(points([9, 3]), 4))

    assert gan.generate({"melanoma": 2})[1].tolist() == [1, 1]


@pytest.mark.parametrize(("weighting", "shares"), [("balanced", [0.5, 0.5]), ("uniform", [5 / 6, 1 / 6])])
def test_classes_are_drawn_in_the_shares_in_which_they_weigh(weighting, shares, fitted):
    gan, _ = fitted(weighting=weighting)

    drawn = torch.bincount(gan._drawn(20_000), minlength=2) / 20_000

    assert drawn.tolist() == pytest.approx(shares, abs=0.015)  # four standard deviations


def test_a_class_without_samples_is_never_drawn():
    gan = ConditionalGAN(3, num_features=2, **TINY)
    gan.fill(ClassDistribution([5, 0, 1]), torch.ones(3))

    assert set(gan._drawn(500).tolist()) == {0, 2}


def test_the_pass_over_the_data_does_not_change_the_order_of_the_batches(points_datamodule, tiny_trainer):
    class Seen(ConditionalGAN):
        def training_step(self, batch, batch_idx):
            self.first = batch[0] if not hasattr(self, "first") else self.first

        def samples(self):
            return self.first

    orders = []
    for measured in (True, False):
        gan = Seen(2, num_features=2, **TINY)
        if not measured:
            gan.data_range.measure = lambda batches: None
        torch.manual_seed(7)
        tiny_trainer(num_sanity_val_steps=0).fit(gan, datamodule=points_datamodule())
        orders.append(gan.samples())

    assert torch.equal(*orders)


def test_one_network_steps_at_a_time(fitted, points_datamodule, tiny_trainer, monkeypatch):
    changed = []

    class Watched(ConditionalGAN):
        def _step(self, optimizer, loss):
            before = [[p.clone() for p in net.parameters()] for net in (self.discriminator, self.generator)]
            super()._step(optimizer, loss)
            after = [list(net.parameters()) for net in (self.discriminator, self.generator)]
            changed.append(
                tuple(
                    any(not torch.equal(*pair) for pair in zip(*nets, strict=True))
                    for nets in zip(before, after, strict=True)
                )
            )

    tiny_trainer().fit(Watched(num_features=2, **TINY), datamodule=points_datamodule())

    assert changed == [(True, False), (False, True)] * 3


# --- checkpoints -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"num_classes": 2}, {"weighting": Power(0.5)}, {"weighting": [1.0, 2.0]}])
def test_a_checkpoint_makes_the_same_samples(options, fitted, tmp_path):
    gan, trainer = fitted(**options)
    trainer.save_checkpoint(tmp_path / "gan.ckpt")

    given = {"weighting": options["weighting"]} if callable(options.get("weighting")) else {}
    loaded = ConditionalGAN.load_from_checkpoint(tmp_path / "gan.ckpt", weights_only=True, **given)

    assert torch.equal(loaded.generate({1: 5}, seed=1)[0], gan.generate({1: 5}, seed=1)[0])
    assert loaded.distribution == gan.distribution
    assert torch.equal(loaded.class_weights, gan.class_weights)
    assert set(loaded.state_dict()) == set(gan.state_dict())


def test_images_come_back_with_their_channels(tiny_trainer, tmp_path):
    gan = ConditionalGAN(image_size=8, **TINY)
    trainer = tiny_trainer()
    trainer.fit(gan, DataLoader(TensorDataset(torch.rand(6, 2, 8, 8), torch.arange(6) % 2), 3))
    trainer.save_checkpoint(tmp_path / "gan.ckpt")

    loaded = ConditionalGAN.load_from_checkpoint(tmp_path / "gan.ckpt")

    assert torch.equal(loaded.generate([1, 1], seed=0)[0], gan.generate([1, 1], seed=0)[0])


def test_one_that_was_not_fitted_comes_back_too(tiny_trainer, tmp_path):
    trainer = tiny_trainer()
    trainer.strategy.connect(ConditionalGAN(num_features=2, **TINY))
    trainer.save_checkpoint(tmp_path / "gan.ckpt", weights_only=True)

    assert ConditionalGAN.load_from_checkpoint(tmp_path / "gan.ckpt").num_classes is None


def test_a_resumed_fit_goes_on(fitted, points_datamodule, tiny_trainer, tmp_path):
    gan, trainer = fitted(max_epochs=2)
    trainer.save_checkpoint(tmp_path / "gan.ckpt")
    again = ConditionalGAN(num_features=2, **TINY)
    seen = {}

    class Look(L.Callback):
        def on_train_start(self, trainer, pl_module):
            seen["state"] = {name: value.clone() for name, value in pl_module.state_dict().items()}
            seen["momenta"] = [len(optimizer.state) for optimizer in trainer.optimizers]

    trainer = tiny_trainer(max_epochs=3, callbacks=[Look()])
    trainer.fit(again, datamodule=points_datamodule(), ckpt_path=tmp_path / "gan.ckpt")

    assert all(torch.equal(value, gan.state_dict()[name]) for name, value in seen["state"].items())
    assert all(seen["momenta"])
    assert again.average.updates == 9  # three epochs of three batches


def test_the_range_of_other_data_is_taken_where_that_is_asked_for(fitted, points_datamodule, tiny_trainer, tmp_path):
    gan, trainer = fitted()
    trainer.save_checkpoint(tmp_path / "gan.ckpt")
    again = ConditionalGAN(num_features=2, on_changed_data="recompute", **TINY)

    tiny_trainer(max_epochs=3).fit(again, datamodule=points_datamodule([90, 8]), ckpt_path=tmp_path / "gan.ckpt")

    assert not torch.equal(again.data_range.low, gan.data_range.low)
    assert again.class_counts.tolist() == [90, 8]


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_a_class_that_it_has_not_seen_is_refused(points, tiny_trainer):
    data = points([9, 3, 0])
    gan = ConditionalGAN(3, num_features=3, class_names=["cat", "dog", "eel"], **TINY)
    with pytest.warns(UserWarning, match="eel"):
        tiny_trainer().fit(gan, DataLoader(data, 6))

    with pytest.raises(ValueError) as error:
        gan.generate({"eel": 5})

    assert str(error.value) == (
        "`counts` must be 0 for a class without training samples, which the generator has not seen, got 5 for 'eel'."
    )


@pytest.mark.parametrize("options", [{}, {"num_classes": 2}])
def test_one_that_was_not_trained_makes_nothing(options):
    with pytest.raises(RuntimeError) as error:
        ConditionalGAN(num_features=2, **options).generate([1, 1])

    assert str(error.value) == (
        "the generator must be trained before it makes samples, got one that was neither fitted nor loaded. "
        "Call `trainer.fit(gan, ...)` first, or `ConditionalGAN.load_from_checkpoint(path)`."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diversity": -1}, "`diversity` must be a finite number from 0 on, got -1."),
        ({"learning_rate": 0}, "`learning_rate` must be a finite number above 0, got 0."),
        ({"discriminator_learning_rate": 0}, "`discriminator_learning_rate` must be a finite number above 0, got 0."),
        ({"decay": 1.5}, "`decay` must be between 0 and 1, got 1.5."),
        ({"decay": 1.0}, "`decay` must be below 1, got 1: the average would stay the untrained network."),
        ({"latent_size": 0}, "`latent_size` must be at least 1, got 0."),
        ({"width": 0}, "`width` must be at least 1, got 0."),
        ({"on_changed_data": "never"}, "`on_changed_data` must be 'keep', 'recompute' or 'error', got 'never'."),
    ],
)
def test_a_mistake_is_named(options, message):
    with pytest.raises(ValueError) as error:
        ConditionalGAN(num_features=2, **options)

    assert str(error.value) == message


def test_it_learns_from_real_samples_alone(points, oracle, tiny_trainer):
    with pytest.raises(ValueError) as error:
        tiny_trainer().fit(
            ConditionalGAN(num_features=2, **TINY), DataLoader(SyntheticDataset(points([9, 3]), oracle), 4)
        )

    assert str(error.value) == (
        "a generator's training data must be real samples, got a SyntheticDataset, which holds synthetic ones. Split the data first, and make more of the training part alone."
    )


def test_it_is_evaluated_on_real_samples_alone(points, oracle, points_datamodule, tiny_trainer):
    datamodule = points_datamodule(validation=SyntheticDataset(points([9, 3]), oracle))

    with pytest.raises(ValueError, match="validation data must be real samples, got a SyntheticDataset"):
        tiny_trainer().fit(ConditionalGAN(num_features=2, **TINY), datamodule=datamodule)


def test_images_of_another_size_are_named_before_training(tiny_trainer):
    loader = DataLoader(TensorDataset(torch.rand(6, 1, 8, 8), torch.arange(6) % 2), 3)

    with pytest.raises(ValueError) as error:
        tiny_trainer().fit(ConditionalGAN(image_size=32, num_classes=2, **TINY), loader)

    assert str(error.value) == (
        "inputs must be images of shape (N, channels, 32, 32), got shape (3, 1, 8, 8). Pass `image_size=8, channels=1`."
    )


def test_a_strategy_that_expects_every_parameter_in_a_step_is_refused():
    gan = ConditionalGAN(2, num_features=2, **TINY)
    gan._trainer = SimpleNamespace(strategy=DDPStrategy(find_unused_parameters=False))

    with pytest.raises(ValueError) as error:
        gan._tell_ddp()

    assert str(error.value) == (
        '`find_unused_parameters` must not be False for two networks that step in turn, got a strategy with it. Pass `strategy="ddp"`.'
    )


def test_a_step_reads_no_value():
    # Tensors of the meta device have no values, so that reading one is an error.
    gan = ConditionalGAN(2, image_size=8, channels=1, **TINY).to("meta")
    optimizers = [torch.optim.SGD(net.parameters(), 0.1) for net in (gan.discriminator, gan.generator)]
    gan.optimizers = lambda: optimizers
    gan.toggle_optimizer = gan.untoggle_optimizer = lambda optimizer: None
    gan.manual_backward = lambda loss: loss.backward()
    logged = []
    gan.log_dict = lambda figures, **_: logged.append(figures)

    gan.training_step((torch.zeros(4, 1, 8, 8, device="meta"), torch.zeros(4, dtype=torch.int64, device="meta")), 0)

    assert all(value.device.type == "meta" for value in logged[0].values())


def test_the_networks_are_there_from_the_start_where_everything_is_known():
    gan = ConditionalGAN(2, image_size=8, channels=3)

    assert isinstance(gan.discriminator, ImageDiscriminator)
    assert isinstance(gan.generator, nn.Module)
