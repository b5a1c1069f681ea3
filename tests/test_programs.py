"""The programs that people should be able to write, on data small enough for a test."""

from __future__ import annotations

import lightning as L
import numpy as np
import pytest
import scipy.io
import torch
import torchvision
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import resnet18

from lightning_imbalance import (
    ClassDistribution,
    ImbalanceMonitor,
    RebalancedDataModule,
    WeightedClassifier,
    class_weights,
    prior,
    synthesis,
)
from lightning_imbalance.callbacks import ApplyClassWeights, DeferredReweighting
from lightning_imbalance.losses import CosineClassifier, LDAMLoss
from lightning_imbalance.samplers import ClassBalancedSampler, UndersamplingSampler

FLOWERS = ["aster", "daisy", "iris", "lily", "rose", "tulip"]
COUNTS = [9, 7, 5, 4, 3, 2]


class FlowerImages(torch.utils.data.Dataset):
    """Images of noise, brighter where the class has a greater index."""

    classes = FLOWERS

    def __init__(self, counts) -> None:
        self.targets = torch.arange(6).repeat_interleave(torch.tensor(counts)).tolist()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return torch.rand(3, 32, 32, generator=generator) + self.targets[index], self.targets[index]


class Flowers(L.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(FlowerImages(COUNTS), batch_size=10, shuffle=True)

    def val_dataloader(self):
        return DataLoader(FlowerImages([1] * 6), batch_size=6)


@pytest.fixture
def flowers() -> Flowers:
    return Flowers()


def test_1_a_datamodule_and_a_network(flowers, capsys):
    model = WeightedClassifier(resnet18(num_classes=6))
    trainer = L.Trainer(callbacks=[ImbalanceMonitor(print_table=True)], max_epochs=1, accelerator="cpu")
    trainer.fit(model, datamodule=flowers)

    logged = trainer.callback_metrics
    assert {"train_loss", "val_loss", "val_balanced_accuracy", "val_recall/rose", "val_recall_few"} < set(logged)
    torch.testing.assert_close(model.class_weights, torch.tensor([30 / (6 * count) for count in COUNTS]))
    assert "tulip" in capsys.readouterr().out


def augment(x):
    return x.flip(-1)


class OwnFlowers(WeightedClassifier):
    def __init__(self, width: int = 64):
        super().__init__(num_classes=6, weighting="effective_number")
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, width), nn.ReLU(), nn.Linear(width, 6))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        return self.compute_loss(self(augment(x)), y)


def test_2_a_lightning_module_of_ones_own(flowers, tmp_path):
    model = OwnFlowers(width=8)
    trainer = L.Trainer(max_epochs=1, accelerator="cpu")
    trainer.fit(model, datamodule=flowers)
    trainer.save_checkpoint(tmp_path / "flowers.ckpt")
    loaded = OwnFlowers.load_from_checkpoint(tmp_path / "flowers.ckpt")

    expected = class_weights(ClassDistribution(COUNTS), "effective_number")
    assert torch.equal(loaded.class_weights, expected)
    assert torch.equal(loaded.net[3].weight, model.net[3].weight)
    assert {"train_loss", "val_loss"} < set(trainer.callback_metrics)


@pytest.mark.parametrize(
    ("names", "weighting", "expected"),
    [
        (
            FLOWERS,
            [0.5281, 0.8411, 0.9619, 0.8634, 0.8477, 0.9577],
            [0.5281, 0.8411, 0.9619, 0.8634, 0.8477, 0.9577],
        ),
        (["keratosis", "melanoma", "nevus"], {"melanoma": 10.0, "nevus": 1.0, "keratosis": 4.0}, [4.0, 10.0, 1.0]),
        (["a", "b"], lambda d: d.priors.rsqrt(), [0.75**-0.5, 0.25**-0.5]),
    ],
    ids=["numbers", "names", "function"],
)
def test_4_the_weights_that_one_wants(names, weighting, expected, blobs, tiny_trainer):
    data = blobs([3, 1] if len(names) == 2 else [2] * len(names), names)
    net = nn.Linear(len(names), len(names))

    model = WeightedClassifier(net, weighting=weighting)
    tiny_trainer().fit(model, DataLoader(data, batch_size=4))

    torch.testing.assert_close(model.class_weights, torch.tensor(expected))


def test_5_just_a_look(tmp_path, monkeypatch, capsys):
    root = tmp_path
    labels = np.array([[10], [1], [1], [1], [9]], dtype=np.uint8)  # SVHN writes 0 as 10
    scipy.io.savemat(root / "train_32x32.mat", {"X": np.zeros((32, 32, 3, 5), dtype=np.uint8), "y": labels})
    monkeypatch.setattr(torchvision.datasets.SVHN, "_check_integrity", lambda _: True)
    monkeypatch.setattr(torchvision.datasets.SVHN, "__getitem__", lambda *_: pytest.fail("an image was opened"))

    d = ClassDistribution.from_dataset(torchvision.datasets.SVHN(root))
    print(d)  # noqa: T201

    assert d.counts.tolist() == [1, 3, 0, 0, 0, 0, 0, 0, 0, 1]
    assert "imbalance ratio 3" in capsys.readouterr().out
    with pytest.warns(UserWarning, match="no training sample of class '2', '3'"):
        weights = class_weights(d, "balanced")
    torch.testing.assert_close(weights[[0, 1, 9, 5]], torch.tensor([5 / 3, 5 / 9, 5 / 3, 5 / 3]))


class SomebodyElses(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 6))
        self.criterion = nn.CrossEntropyLoss()

    def training_step(self, batch, batch_idx):
        return self.criterion(self.net(batch[0]), batch[1])

    def validation_step(self, batch, batch_idx):
        return {"logits": self.net(batch[0]), "target": batch[1]}

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


def test_3_a_module_that_cannot_be_changed(flowers):
    trainer = L.Trainer(
        callbacks=[ApplyClassWeights("criterion", weighting="balanced"), ImbalanceMonitor()],
        max_epochs=1,
        accelerator="cpu",
    )
    somebody_elses_module = SomebodyElses()
    trainer.fit(somebody_elses_module, datamodule=flowers)

    expected = torch.tensor([30 / (6 * count) for count in COUNTS])
    torch.testing.assert_close(somebody_elses_module.criterion.weight, expected)
    assert "val_balanced_accuracy" in trainer.callback_metrics


def test_7_draw_the_classes_evenly(flowers):
    dm = flowers
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 6))
    model = WeightedClassifier(net, weighting="uniform")
    trainer = L.Trainer(max_epochs=1, accelerator="cpu", callbacks=[ImbalanceMonitor(train=True)])
    trainer.fit(model, datamodule=RebalancedDataModule(dm, sampler="balanced"))

    torch.testing.assert_close(model.training_prior, torch.full((6,), 1 / 6, dtype=torch.float64))
    assert "val_balanced_accuracy" in trainer.callback_metrics


def test_7_or_by_hand():
    ds = TensorDataset(torch.zeros(170, 1), torch.tensor([0] * 100 + [1] * 50 + [2] * 20))

    by_root = DataLoader(ds, sampler=ClassBalancedSampler(ds, power=0.5), batch_size=256)
    evenly = DataLoader(ds, sampler=UndersamplingSampler(ds), batch_size=20)

    drawn = torch.cat([target for _, target in by_root]).bincount()
    shares = torch.tensor([100, 50, 20]).sqrt()
    assert (drawn - 170 * shares / shares.sum()).abs().max() < 1
    assert torch.cat([target for _, target in evenly]).bincount().tolist() == [20, 20, 20]


def test_12_more_samples_of_the_rare_class(flowers, tiny_trainer):
    labels = torch.tensor([0] * 24 + [1] * 8)
    table = TensorDataset(torch.randn(32, 5) + labels[:, None], labels)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 6))

    train = synthesis.resample(table, "smote")
    model = WeightedClassifier(net, batch_transform=synthesis.Remix())
    tiny_trainer().fit(model, datamodule=flowers)

    assert train.tensors[1].bincount().tolist() == [24, 24]
    assert model.batch_transform.class_counts.tolist() == COUNTS

    gan = synthesis.ConditionalGAN(image_size=32, num_classes=6, width=4)
    tiny_trainer().fit(gan, datamodule=flowers)
    mixed = synthesis.SyntheticDataset(FlowerImages(COUNTS), gan, counts="balance")
    report = synthesis.quality_report(mixed, FlowerImages([3] * 6), runs=2, steps=3)

    assert ClassDistribution.from_dataset(mixed).counts.tolist() == [9] * 6
    assert "rose" in str(report)


def test_8_the_method_of_that_paper(flowers):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 8), CosineClassifier(8, 6))
    model = WeightedClassifier(net, loss=LDAMLoss(max_margin=0.5), weighting="uniform")
    trainer = L.Trainer(
        max_epochs=5,
        callbacks=[DeferredReweighting(start=0.8, scheme="effective_number"), ImbalanceMonitor()],
        accelerator="cpu",
    )
    trainer.fit(model, datamodule=flowers)

    # Reweighted in the last fifth of the epochs.
    torch.testing.assert_close(model.class_weights, class_weights(ClassDistribution(COUNTS), "effective_number"))


def test_9_probabilities_that_are_true_where_the_classes_are_others(flowers):
    trainer = L.Trainer(max_epochs=1, accelerator="cpu")
    trainer.fit(OwnFlowers(width=8), datamodule=flowers)
    path = trainer.checkpoint_callback.best_model_path
    clinic = DataLoader(FlowerImages([3] * 6), batch_size=9)

    model = OwnFlowers.load_from_checkpoint(path, target_prior=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    with torch.no_grad():
        probabilities = torch.cat(trainer.predict(model, clinic))
        model.target_prior = None
        plain = torch.cat(trainer.predict(model, clinic))

    ratios = torch.tensor([0.5, 0.2, 0.1, 0.1, 0.05, 0.05]) / model.training_prior.float()
    torch.testing.assert_close(probabilities, plain * ratios / (plain * ratios).sum(1, keepdim=True))
    estimated = prior.estimate(plain, source_prior=model.training_prior, resamples=0)
    assert estimated.prior.sum().item() == pytest.approx(1)


def test_11_yes_or_no(tiny_trainer):
    net = nn.Linear(4, 1)
    data = DataLoader(TensorDataset(torch.randn(12, 4), torch.tensor([0] * 9 + [1] * 3)), 5)
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor()])

    model = WeightedClassifier(net, task="binary")
    trainer.fit(model, data, data)

    torch.testing.assert_close(model.class_weights, torch.tensor([12 / 18, 2.0]))
    assert {"val_balanced_accuracy", "val_recall/negative", "val_recall/positive"} < set(trainer.callback_metrics)


def test_11_several_labels(tiny_trainer):
    net = nn.Linear(4, 14)
    target = (torch.arange(14) < torch.arange(1, 21)[:, None]).long()
    data = DataLoader(TensorDataset(torch.randn(20, 4), target), 6)
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor()])

    model = WeightedClassifier(net, num_classes=14, task="multilabel")
    trainer.fit(model, data, data)

    positives = target.sum(0)
    expected = torch.where(positives < 20, (20 - positives) / positives, 1.0)
    torch.testing.assert_close(model.class_weights, expected)
    assert {"val_loss", "val_recall/13"} < set(trainer.callback_metrics)


def test_11_every_pixel(tiny_trainer):
    unet = nn.Conv2d(3, 21, 1)
    masks = torch.arange(21).repeat(4, 21, 1)
    masks[:, 0] = 255
    data = DataLoader(TensorDataset(torch.randn(4, 3, 21, 21), masks), 3)
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor()])

    model = WeightedClassifier(unet, num_classes=21, ignore_index=255)
    trainer.fit(model, data, data)

    assert model.class_counts.tolist() == [4 * 20] * 21
    assert {"val_loss", "val_worst_class_recall", "val_recall/20"} < set(trainer.callback_metrics)
