"""Promise 1: no training step makes the host wait for the device."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier
from lightning_imbalance.losses.resolve import NAMED
from lightning_imbalance.synthesis import CutMixMinority

TRANSFORMS = ["mixup", "cutmix", "remix", CutMixMinority(probability=1.0)]
MULTICLASS = [name for name, kinds in NAMED.items() if any("multiclass" in kind.tasks for kind in kinds)]


@pytest.mark.parametrize("parts", [1, 2], ids=["one batch", "accumulated"])
@pytest.mark.parametrize("loss", MULTICLASS)
def test_a_step_reads_no_value(loss, parts):
    # Tensors of the meta device have no values, so that reading one is an error.
    model = WeightedClassifier(nn.Linear(3, 3), 3, loss=loss).to("meta")
    distribution = ClassDistribution([6, 3, 1])
    model.adopt(distribution)
    model._loss.to("meta")
    model._targets_checked = True  # done once, on the first batch
    strategy = SimpleNamespace(handles_gradient_accumulation=False, reduce=lambda tensor, reduce_op: tensor)
    progress = SimpleNamespace(current=SimpleNamespace(started=1, processed=0))
    model._trainer = SimpleNamespace(
        training=True,
        world_size=1,
        accumulate_grad_batches=parts,
        current_epoch=0,
        global_step=0,
        fit_loop=SimpleNamespace(batch_idx=0, epoch_loop=SimpleNamespace(batch_progress=progress)),
        strategy=strategy,
    )

    target = torch.zeros(4, dtype=torch.int64, device="meta")
    outputs = model.training_step((torch.zeros(4, 3, device="meta"), target), 0)
    outputs["loss"].backward()
    model.on_before_optimizer_step(torch.optim.SGD(model.parameters(), lr=0.1))

    assert outputs["loss"].device.type == "meta"


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_mixing_a_batch_reads_no_value(transform):
    model = WeightedClassifier(nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), 3, batch_transform=transform).to("meta")
    model.adopt(ClassDistribution([6, 3, 1]))
    model.batch_transform.to("meta").set_epoch(5, 10)
    model.batch_transform._checked = model._targets_checked = True  # done once, on the first batch

    images, target = torch.zeros(4, 3, 4, 4, device="meta"), torch.zeros(4, dtype=torch.int64, device="meta")
    images, target = model.batch_transform(images, target)
    loss = model.compute_loss(model(images), target)

    assert loss.device.type == "meta"


@pytest.mark.parametrize("validate", [False, True])
def test_targets_are_read_on_every_batch_only_when_asked(validate):
    model = WeightedClassifier(nn.Linear(3, 3), 3, validate=validate).to("meta")
    model._targets_checked = True
    target = torch.zeros(4, dtype=torch.int64, device="meta")

    if validate:
        with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
            model.compute_loss(torch.zeros(4, 3, device="meta"), target)
    else:
        assert model.compute_loss(torch.zeros(4, 3, device="meta"), target).device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("parts", [1, 2], ids=["one batch", "accumulated"])
@pytest.mark.parametrize("transform", [None, *TRANSFORMS], ids=str)
def test_a_fit_on_a_gpu_waits_for_nothing_in_its_steps(transform, parts, tiny_trainer):
    class Strict(WeightedClassifier):
        def training_step(self, batch, batch_idx):
            torch.cuda.set_sync_debug_mode("error" if batch_idx else "default")
            outputs = super().training_step(batch, batch_idx)
            torch.cuda.set_sync_debug_mode("default")
            return outputs

        def on_before_optimizer_step(self, optimizer):
            torch.cuda.set_sync_debug_mode("error")
            super().on_before_optimizer_step(optimizer)
            torch.cuda.set_sync_debug_mode("default")

    data = TensorDataset(torch.randn(64, 3, 4, 4), torch.arange(64) % 3)
    trainer = tiny_trainer(
        max_epochs=1 if transform is None else 7,
        accelerator="gpu",
        devices=1,
        accumulate_grad_batches=parts,
        callbacks=[ImbalanceMonitor()],
    )

    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    trainer.fit(Strict(net, batch_transform=transform), DataLoader(data, 8), DataLoader(data, 8))

    assert trainer.global_step == trainer.max_epochs * 8 // parts
