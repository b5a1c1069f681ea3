"""A network gives no numbers any more."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ImbalanceMonitor, WeightedClassifier


def test_training_goes_on_and_one_warning_names_the_classes(tiny_trainer, blobs):
    data = DataLoader(blobs([20, 5], ["cat", "dog"]), 5)
    model = WeightedClassifier(nn.Linear(2, 2), optimizer=partial(torch.optim.SGD, lr=math.inf))
    trainer = tiny_trainer(callbacks=[monitor := ImbalanceMonitor()], max_epochs=3, num_sanity_val_steps=0)

    with pytest.warns(UserWarning, match="NaN") as caught:
        trainer.fit(model, data, data)

    assert [str(warning.message) for warning in caught if "NaN" in str(warning.message)] == [
        (
            "the logits or probabilities of val samples must be numbers, got NaN: 20 of 20 for 'cat', 5 of 5 for 'dog'. "
            "Such samples count as missed. Lower the learning rate, clip the gradients with "
            "`Trainer(gradient_clip_val=1.0)`, or find the operation that gives NaN with `Trainer(detect_anomaly=True)`."
        )
    ]
    assert trainer.current_epoch == 3
    assert monitor.results["val"]["balanced_accuracy"] == monitor.results["val"]["macro_f1"] == 0
