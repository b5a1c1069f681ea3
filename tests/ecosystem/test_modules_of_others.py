"""Modules whose steps return the loss alone, or nothing: the monitor reads what their network returned."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from sklearn.metrics import recall_score
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ImbalanceMonitor
from lightning_imbalance.callbacks import ApplyClassWeights

COUNTS = [12, 6, 3]


class GeoTask(L.LightningModule):
    """Written as the tasks of torchgeo are: batches are mappings, training returns the loss, validation nothing."""

    def __init__(self, model: nn.Module, task: str = "multiclass") -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["model"])
        self.model = model
        self.criterion = nn.CrossEntropyLoss() if task == "multiclass" else nn.BCEWithLogitsLoss()

    def forward(self, x):
        return self.model(x)

    def _loss(self, batch):
        y_hat, y = self(batch["image"]), batch["mask" if "mask" in batch else "label"]
        return self.criterion(y_hat, y) if y_hat.shape[1:2] != (1,) else self.criterion(y_hat.squeeze(1), y.float())

    def training_step(self, batch, batch_idx, dataloader_idx=0):
        loss = self._loss(batch)
        self.log("train_loss", loss, batch_size=len(batch["image"]))
        return loss

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.log("val_loss", self._loss(batch), batch_size=len(batch["image"]))

    test_step = validation_step

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())


def scenes(key: str, target: torch.Tensor) -> DataLoader:
    """Bands of noise in which the class is a little brighter, in batches as torchgeo makes them."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(len(target), 3, 4, 4, generator=generator)
    images[torch.arange(len(target)), target.reshape(len(target), -1)[:, 0]] += 0.5
    samples = [{"image": x, key: y, "bounds": torch.zeros(4)} for x, y in zip(images, target, strict=True)]
    return DataLoader(samples, batch_size=8)


def expected_recalls(module: GeoTask, loader: DataLoader, key: str) -> list[float]:
    module.eval()
    with torch.no_grad():
        logits, target = zip(*((module.model(batch["image"]), batch[key]) for batch in loader), strict=True)
    scores = torch.cat(logits)
    predicted = (scores[:, 0] > 0).long() if scores.shape[1] == 1 else scores.argmax(1)
    return recall_score(torch.cat(target).flatten(), predicted.flatten(), average=None).tolist()


CLASSES = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))


@pytest.mark.parametrize(
    ("key", "target", "network", "options"),
    [
        ("label", CLASSES, nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), {}),
        ("label", CLASSES.clamp(max=1), nn.Sequential(nn.Flatten(), nn.Linear(48, 1)), {"task": "binary"}),
        ("mask", CLASSES[:, None, None].expand(-1, 4, 4), nn.Conv2d(3, 3, 1), {}),
    ],
    ids=["classes", "yes or no", "pixels"],
)
def test_a_task_that_returns_nothing_is_watched(key, target, network, options, tiny_trainer):
    module, loader = GeoTask(network, options.get("task", "multiclass")), scenes(key, target)
    monitor = ImbalanceMonitor(logits_from="model", **options)
    trainer = tiny_trainer(callbacks=[monitor], max_epochs=2)

    trainer.fit(module, loader, loader)
    validated = dict(monitor.results["val"])
    trainer.test(module, loader, verbose=False)

    expected = expected_recalls(module, loader, key)
    assert list(validated["recall"].values()) == pytest.approx(expected)
    assert list(monitor.results["test"]["recall"].values()) == pytest.approx(expected)
    assert sum(validated["samples"].values()) == target.numel()
    assert len(module.model._forward_hooks) == 0


def test_it_is_watched_together_with_weights_for_its_criterion(tiny_trainer):
    module, loader = GeoTask(nn.Sequential(nn.Flatten(), nn.Linear(48, 3))), scenes("label", CLASSES)
    monitor = ImbalanceMonitor(train=True, logits_from="model")

    tiny_trainer(callbacks=[ApplyClassWeights("criterion"), monitor]).fit(module, loader, loader)

    assert module.criterion.weight.tolist() == pytest.approx([21 / (3 * n) for n in COUNTS])
    assert list(monitor.results["train"]["samples"].values()) == COUNTS


def test_the_module_is_left_alone_after_a_fit_that_fails(tiny_trainer):
    module = GeoTask(nn.Sequential(nn.Flatten(), nn.Linear(47, 3)))

    with pytest.raises(RuntimeError):
        tiny_trainer(callbacks=[ImbalanceMonitor(logits_from="model")]).fit(module, scenes("label", CLASSES))

    assert len(module.model._forward_hooks) == 0


def test_a_step_without_logits_is_named_with_the_ways_out(tiny_trainer):
    module, loader = GeoTask(nn.Sequential(nn.Flatten(), nn.Linear(48, 3))), scenes("label", CLASSES)

    with pytest.raises(TypeError) as error:
        tiny_trainer(callbacks=[ImbalanceMonitor()]).validate(module, loader, verbose=False)

    assert str(error.value) == (
        "the step must return a mapping with 'logits' (or 'preds') and 'target', got NoneType. Return them from the "
        "step, name other keys, or name the submodule whose output are the logits: "
        'ImbalanceMonitor(logits_from="model"). For anything else there is `extract=`.'
    )


class TimmModule(L.LightningModule):
    """As people write it around ``timm.create_model``, whose models return logits."""

    def __init__(self) -> None:
        super().__init__()
        timm = pytest.importorskip("timm")
        self.net = timm.create_model("test_resnet", pretrained=False, num_classes=3, in_chans=3)

    def training_step(self, batch, batch_idx):
        images, target = batch
        return nn.functional.cross_entropy(self.net(images), target)

    validation_step = training_step

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters())


def test_a_model_of_timm_is_watched(tiny_trainer):
    module, monitor = TimmModule(), ImbalanceMonitor(logits_from="net")
    loader = DataLoader([(torch.randn(3, 32, 32), y) for y in CLASSES.tolist()], batch_size=7)

    tiny_trainer(callbacks=[monitor]).fit(module, loader, loader)

    module.eval()
    with torch.no_grad():
        predicted = torch.cat([module.net(images).argmax(1) for images, _ in loader])
    assert list(monitor.results["val"]["recall"].values()) == pytest.approx(
        recall_score(CLASSES, predicted, average=None)
    )
