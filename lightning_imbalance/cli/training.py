"""``fit``, ``validate``, ``test`` and ``predict``: LightningCLI with what an imbalanced data set needs."""

from __future__ import annotations

import argparse
import csv
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import lightning as L
import torch
from rich.console import Console

from lightning_imbalance.callbacks import ImbalanceMonitor
from lightning_imbalance.cli.network import completed_model
from lightning_imbalance.datamodules import TabularDataModule  # LightningCLI finds the datamodules that are imported
from lightning_imbalance.module import WeightedClassifier

try:
    from jsonargparse import ArgumentParser, Namespace
    from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
except ImportError as error:  # pragma: no cover  # tested where it is called, without the library
    message = (
        "fit, validate, test and predict need jsonargparse, which is not installed. "
        'Run `pip install "lightning-imbalance[cli]"`.'
    )
    raise ModuleNotFoundError(message) from error

__all__ = ["TabularDataModule", "TrainingCLI", "run_training"]

_OUTPUT = "predictions.csv"


class ShortErrors(LightningArgumentParser):
    """A parser that says what was wrong, and does not list its hundred options before it.

    Example:
        >>> ShortErrors(prog="fit").prog
        'fit'
    """

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print the message and end with 2."""
        if not self.exit_on_error:
            super().error(message, ex)
        program = getattr(ex, "subcommand_parser", self).prog.replace(" [options]", "")
        self.exit(2, f"lightning-imbalance: {message.strip()}\nAll options: {program} --help\n")
        raise AssertionError  # `exit` has ended the program


class SaveConfigBesideLogs(SaveConfigCallback):
    """Saves ``config.yaml`` beside the logs, and nowhere else: there might be the user's own.

    Example:
        >>> issubclass(SaveConfigBesideLogs, L.Callback)
        True
    """

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Save, where the run has a logger."""
        if trainer.loggers:
            super().setup(trainer, pl_module, stage)


class TrainingCLI(LightningCLI):
    """LightningCLI for a :class:`~lightning_imbalance.WeightedClassifier` and any datamodule.

    What a user leaves out comes from the data: the network, and how many classes it has. An
    :class:`~lightning_imbalance.ImbalanceMonitor` is among the callbacks unless one is given.

    Args:
        command: ``"fit"``, ``"validate"``, ``"test"`` or ``"predict"``.
        arguments: What follows it.
    """

    def __init__(self, command: str, arguments: Sequence[str]) -> None:
        super().__init__(
            WeightedClassifier,
            L.LightningDataModule,
            subclass_mode_data=True,
            save_config_callback=SaveConfigBesideLogs,
            parser_class=ShortErrors,
            auto_configure_optimizers=False,  # `--model.optimizer` is the one way
            seed_everything_default=0,
            trainer_defaults={"max_epochs": 20},
            parser_kwargs={"prog": "lightning-imbalance"},
            args=[command, *arguments],
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the file that ``predict`` writes."""
        parser.add_argument(
            "--output", type=str, default=_OUTPUT, help="Table that `predict` writes, one row a sample."
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, and remember what was said: the parser fills in everything else."""
        self.config = parser.parse_args(args)
        self.said = parser.parse_args(args, defaults=False)
        # A `config.yaml` says everything, also what nobody asked for.
        asked = self.said[self.config["subcommand"]].get("output", _OUTPUT) != _OUTPUT
        if self.config["subcommand"] != "predict" and asked:
            parser.error("`--output` must come with `predict`, which alone writes a table.")

    def instantiate_classes(self) -> None:
        """Make the datamodule first, and complete the model by what its data are."""
        command = str(self.subcommand)
        own, said = self.config[command], self.said[command]
        alone = ArgumentParser(exit_on_error=False)
        alone.add_subclass_arguments(L.LightningDataModule, "data")
        only_data = Namespace(data=own.data)  # type: ignore[no-untyped-call]
        datamodule = alone.instantiate_classes(only_data).data
        own.model.model = completed_model(own.model.model, said.get("model.model"), datamodule, own.model.task)
        config = self.config.clone()
        config[command].data = datamodule
        self.config_init = self.parser.instantiate_classes(config)
        self.datamodule = datamodule
        self.model = self._get(self.config_init, "model")
        self.trainer = self.instantiate_trainer()

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """Make the Trainer, with a monitor of the recalls."""
        given = self._get(self.config_init, "trainer").get("callbacks") or []
        callbacks = list(given) if isinstance(given, list) else [given]
        if not any(isinstance(each, ImbalanceMonitor) for each in callbacks):
            callbacks.insert(0, ImbalanceMonitor(print_table=self.subcommand in {"validate", "test"}))
        self.monitor = next(each for each in callbacks if isinstance(each, ImbalanceMonitor))
        return super().instantiate_trainer(callbacks=callbacks, **kwargs)

    def after_fit(self) -> None:
        """Print what the last validation found, and where the model is."""
        console = Console()
        if not self.trainer.is_global_zero:
            return
        if "val" in self.monitor.results:
            console.print(self.monitor.table("val"))
        best = getattr(self.trainer.checkpoint_callback, "best_model_path", "")
        if best:
            console.print(f"checkpoint  {Path(best).absolute()}", highlight=False, markup=False, soft_wrap=True)

    def predict(self, **arguments: Any) -> None:
        """Predict, and write class and probabilities of each sample into a table."""
        batches = self.trainer.predict(**arguments) or []
        probabilities = torch.cat([torch.as_tensor(batch) for batch in batches])
        names = self.model.class_names or tuple(map(str, range(probabilities.shape[-1])))
        output = Path(self._get(self.config, "output"))
        with output.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["predicted", *names])
            for row in probabilities.tolist():
                writer.writerow([names[max(range(len(row)), key=row.__getitem__)], *(f"{value:.6g}" for value in row)])
        print(f"{len(probabilities):,} predictions are in {output}.")


def run_training(options: argparse.Namespace) -> None:
    """Run LightningCLI.

    Args:
        options: What the command line was called with: ``command``, and the words after it as ``arguments``.
    """
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for noise in (
        ".*does not have many workers",
        ".*treespec, LeafSpec",
        "Starting from v1.9.0, `tensorboardX` has been removed",
        "The dirpath has changed from",
        "The number of training batches .* is smaller than the logging interval",
    ):
        warnings.filterwarnings("ignore", message=noise)
    TrainingCLI(options.command, [word for word in options.arguments if word != "--debug"])
