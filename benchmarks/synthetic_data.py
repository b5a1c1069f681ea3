"""What synthetic data do to balanced accuracy, on a long-tailed part of scikit-learn's digits.

Every remedy sees the same splits and starts from the same network, seed by seed. The test part is real and balanced.

    python benchmarks/synthetic_data.py --seeds 4 --epochs 30
"""

from __future__ import annotations

import argparse
import logging
import statistics
import warnings
from functools import partial
from typing import Any

import lightning as L
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ImbalanceMonitor, WeightedClassifier, synthesis
from lightning_imbalance.data import Digits, long_tailed, stratified_split

REMEDIES = (
    "none",
    "class weights",
    "SMOTE",
    "repeated samples",
    "MinorityAugmentation",
    "the same, class weights",
    "mixup",
    "CutMix",
    "Remix",
    "CutMixMinority, batch",
    "CutMixMinority, training set",
)


def arguments_of(remedy: str, train: TensorDataset) -> tuple[Any, dict[str, Any]]:
    """Return the data to train on, and what the model is made with."""
    mixing = {
        "mixup": "mixup",
        "CutMix": "cutmix",
        "Remix": "remix",
        "CutMixMinority, batch": synthesis.CutMixMinority(skip_first=0, skip_last=0),
        "CutMixMinority, training set": synthesis.CutMixMinority(skip_first=0, skip_last=0, foregrounds=train),
    }
    data: Any = train
    if remedy == "SMOTE":
        data = synthesis.resample(train, "smote", k_neighbors=2)
    elif remedy == "repeated samples":
        data = synthesis.resample(train, "random_over")
    elif remedy in ("MinorityAugmentation", "the same, class weights"):
        data = synthesis.MinorityAugmentation(train)
    weighting = "balanced" if "class weights" in remedy else "uniform"
    return data, {"weighting": weighting, "batch_transform": mixing.get(remedy)}


def figures(remedy: str, seed: int, epochs: int) -> tuple[float, float]:
    """Train once; return balanced accuracy and worst recall on the test part."""
    digits = Digits()
    rest, held_out = stratified_split(digits.labels, [0.6, 0.4], seed=seed)
    chosen = rest[long_tailed(digits.labels[rest], 20, seed=seed)]
    train = TensorDataset(digits.images[chosen], digits.labels[chosen])
    test = TensorDataset(digits.images[held_out], digits.labels[held_out])
    torch.manual_seed(seed)
    first = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    network = nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(128, 10))
    data, arguments = arguments_of(remedy, train)
    model = WeightedClassifier(network, optimizer=partial(torch.optim.Adam, lr=3e-3), **arguments)
    monitor = ImbalanceMonitor()
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[monitor],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(model, DataLoader(data, batch_size=64, shuffle=True))
    trainer.test(model, DataLoader(test, batch_size=1000), verbose=False)
    result = monitor.results["test"]
    return result["balanced_accuracy"], result["worst_class_recall"]


def main() -> None:
    """Print a row a remedy: means over the seeds, the standard deviation in brackets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--remedies", nargs="+", default=REMEDIES, choices=REMEDIES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    print(f"{'remedy':30}  balanced accuracy  worst recall")
    for remedy in options.remedies:
        accuracies, worst = zip(*(figures(remedy, seed, options.epochs) for seed in range(options.seeds)), strict=True)
        spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
        mean = statistics.mean(accuracies)
        print(f"{remedy:30}  {mean:.3f} ({spread:.3f})      {statistics.mean(worst):.2f}", flush=True)


if __name__ == "__main__":
    main()
