"""Print a script that makes a shell complete the commands."""

from __future__ import annotations

import argparse
import inspect

from lightning_imbalance.cli.arguments import parser


def run_completion(options: argparse.Namespace) -> None:
    """Print the script for a shell.

    Args:
        options: What ``lightning-imbalance completion`` was called with.

    Raises:
        ModuleNotFoundError: shtab is not installed.
    """
    try:
        import shtab
    except ModuleNotFoundError:
        msg = 'completion needs shtab, which is not installed. Run `pip install "lightning-imbalance[cli]"`.'
        raise ModuleNotFoundError(msg) from None
    print(shtab.complete(parser(_training_options()), shell=options.shell))


def _training_options() -> dict[str, list[str] | None]:
    """Return the options of the training commands, and the values of those that take one of a few."""
    import lightning as L

    from lightning_imbalance import datamodules
    from lightning_imbalance.losses.resolve import NAMED
    from lightning_imbalance.module import WeightedClassifier
    from lightning_imbalance.weighting import SCHEMES

    # The others need objects that no word of a command line is.
    ready = [name for name in datamodules.__all__ if name not in {"Parts", "PartsDataModule", "DatasetDataModule"}]
    groups: dict[str, list[type]] = {
        "model": [WeightedClassifier],
        "trainer": [L.Trainer],
        "data": [getattr(datamodules, n) for n in ready],
    }
    options: dict[str, list[str] | None] = dict.fromkeys(["--config", "--ckpt_path", "--output", "--print_config"])
    options["--data"] = ready
    for group, classes in groups.items():
        names = sorted({name for cls in classes for name in inspect.signature(cls).parameters})
        options |= dict.fromkeys(f"--{group}.{name}" for name in names)
    return options | {"--model.weighting": list(SCHEMES), "--model.loss": list(NAMED)}
