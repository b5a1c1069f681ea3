"""Promise 3: a resumed fit continues with the same numbers as one never interrupted, bit for bit on a CPU."""

from __future__ import annotations

from functools import partial

import lightning as L
import pytest
import torch
from torch import nn
from torchdata.stateful_dataloader import StatefulDataLoader

from lightning_imbalance import WeightedClassifier

# 22 samples: batches of 3, the last one of 1; windows of 3 batches, the last one of 2.
COUNTS = [12, 7, 3]
EPOCHS = 3


class Interrupt(L.Callback):
    """Saves a checkpoint after a batch and ends the fit there, as a machine that is switched off does."""

    def __init__(self, epoch: int, batch: int, path: str) -> None:
        self.at, self.path = (epoch, batch), path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if (trainer.current_epoch, batch_idx) == self.at:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


def model() -> WeightedClassifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Dropout(0.0), nn.Linear(5, 3))
    return WeightedClassifier(network, optimizer=partial(torch.optim.Adam, lr=0.05))


@pytest.fixture
def run(tiny_trainer, blobs):
    """Fit, optionally from a checkpoint or up to an interruption; return the model."""

    def fit(accumulate: int, callbacks=(), path=None, workers: int = 0) -> WeightedClassifier:
        torch.manual_seed(1)
        loader = StatefulDataLoader(blobs(COUNTS), 3, shuffle=True, num_workers=workers)
        module = model()
        trainer = tiny_trainer(max_epochs=EPOCHS, accumulate_grad_batches=accumulate, callbacks=list(callbacks))
        try:
            trainer.fit(module, loader, ckpt_path=path)
        except (KeyboardInterrupt, SystemExit):
            return module
        return module

    return fit


def bits(module: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize(
    ("epoch", "batch"),
    # Not after the last batch of an epoch, (1, 7): Lightning 2.6 then ends the resumed fit at once, whatever the module.
    [(0, 0), (0, 2), (0, 3), (1, 1), (1, 4), (1, 6), (2, 5)],
    ids=str,
)
def test_an_interrupted_fit_goes_on_with_the_same_bits(accumulate, epoch, batch, run, tmp_path):
    whole = run(accumulate)
    path = tmp_path / "interrupted.ckpt"

    stopped = run(accumulate, [Interrupt(epoch, batch, path)])
    resumed = run(accumulate, path=path)

    assert not all(map(torch.equal, bits(stopped), bits(whole)))
    assert all(map(torch.equal, bits(resumed), bits(whole)))


def test_a_checkpoint_inside_a_window_holds_the_gradients_so_far(run, tmp_path):
    path = tmp_path / "inside.ckpt"
    run(3, [Interrupt(1, 4, path)])

    state = torch.load(path, weights_only=True)["lightning_imbalance.exact_mean"]

    assert state["batches"] == 2
    assert set(state["gradients"]) == {name for name, _ in model().named_parameters()}


def test_a_checkpoint_between_windows_holds_no_gradient(run, tmp_path):
    path = tmp_path / "between.ckpt"
    run(3, [Interrupt(1, 5, path)])

    assert set(torch.load(path, weights_only=True)["lightning_imbalance.exact_mean"]) == {"scale"}


def test_gradients_of_a_checkpoint_are_no_start_for_another_fit(run, tmp_path, tiny_trainer, blobs):
    path = tmp_path / "inside.ckpt"
    run(3, [Interrupt(1, 4, path)])
    loaded = WeightedClassifier.load_from_checkpoint(path, model=model().model)
    twin = WeightedClassifier.load_from_checkpoint(path, model=model().model)
    twin._unfinished = None

    for module in (loaded, twin):
        torch.manual_seed(1)
        loader = StatefulDataLoader(blobs(COUNTS), 3, shuffle=True)
        tiny_trainer(accumulate_grad_batches=3).fit(module, loader)

    assert all(map(torch.equal, bits(loaded), bits(twin)))
