"""One run: a method, a seed, and what became of the test images."""

from __future__ import annotations

import platform
import time
import warnings
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning as L
import torch
from batches import DeviceImages, loader
from graphs import replay_training
from images import Images
from methods import LDAM_SCALE, METHODS, READ_OFF, Plan
from recipe import Scale, optimizer
from resnet import ResNet
from scoring import READINGS, Decide, TestEveryEpoch, plain
from torch import nn

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.quiet import quiet

PACKAGES = ("torch", "lightning", "torchmetrics", "torchvision", "lightning-imbalance")
TEST_BATCH = 1000


def train(method: str, seed: int, scale: Scale, images: Images) -> dict[str, Any]:
    """Train once.

    Args:
        method: A name in :data:`methods.METHODS`.
        seed: Of the network, the order of the samples, their augmentation and their mixing.
        scale: At which scale.
        images: The images of that scale.

    Returns:
        What is kept of the run, as JSON has it. For each name that it answers: ``accuracy``, one a looked-at epoch,
        and ``recall`` of each class after the last one.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    start = time.perf_counter()
    L.seed_everything(seed, verbose=False)
    data = DeviceImages(images.train, images.train_labels, device, augment=True)
    test = DeviceImages(images.test, images.test_labels, device, augment=False)
    plan = METHODS[method](scale, data)
    model = _model(plan, scale, len(images.classes), device)
    readings: dict[str, Decide] = {method: plain, **{name: READINGS[name] for name in READ_OFF.get(method, ())}}
    tested = TestEveryEpoch(readings, scale.epochs if plan.second_stage else 0)
    with quiet(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of training batches")
        trainer = L.Trainer(
            max_epochs=scale.epochs + (scale.second_stage if plan.second_stage else 0),
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1,
            precision=scale.precision,
            callbacks=[*plan.callbacks, tested],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(model, loader(data, scale.batch_size, plan.sampler), loader(test, TEST_BATCH))
    return {
        "scale": scale.as_dict(),
        "method": method,
        "seed": seed,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {platform.machine()}",
        "versions": {name: version(name) for name in PACKAGES},
        "seconds": round(time.perf_counter() - start, 1),
        "date": time.strftime("%Y-%m-%d"),
        "readings": {name: _figures(recalls) for name, recalls in tested.recalls.items()},
    }


def train_from_file(method: str, seed: int, scale: Scale, file: Path) -> dict[str, Any]:
    """Train once in a process of its own, which has one thread and reads the images that another one has decoded."""
    torch.set_num_threads(1)
    return train(method, seed, scale, _images(file))


def _model(plan: Plan, scale: Scale, num_classes: int, device: torch.device) -> WeightedClassifier:
    # The channels last: what convolutions in half precision want, and the images have.
    network: nn.Module = ResNet(scale.depth, num_classes, LDAM_SCALE if plan.cosine else None)
    network = network.to(device, memory_format=torch.channels_last)
    if device.type == "cuda" and scale.precision == "bf16-mixed" and not plan.second_stage:
        batch = torch.zeros(scale.batch_size, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
        replay_training(network, batch)
    arguments = {"weighting": "uniform", **optimizer(scale), **plan.model}
    return WeightedClassifier(network, num_classes, **arguments)


def _figures(recalls: list[list[float]]) -> dict[str, list[float]]:
    # The test part is balanced: accuracy is the mean recall.
    return {
        "accuracy": [round(sum(epoch) / len(epoch), 5) for epoch in recalls],
        "recall": [round(value, 4) for value in recalls[-1]],
    }


@lru_cache(maxsize=1)
def _images(file: Path) -> Images:
    return Images(**torch.load(file, weights_only=True))
