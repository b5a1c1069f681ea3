"""Train twice, without and with class weights, and say what the weights did."""

from __future__ import annotations

import argparse
import logging
import shlex
import tempfile
import warnings
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from rich.console import Console
from torch import Tensor

from lightning_imbalance.callbacks import ImbalanceMonitor
from lightning_imbalance.checkpoint_io import WholeFileCheckpointIO
from lightning_imbalance.class_report import ClassReport
from lightning_imbalance.cli.progress import RunProgress
from lightning_imbalance.cli.verdict import Run, side_by_side, verdict
from lightning_imbalance.datamodules import DigitsDataModule, ImageFolderDataModule, PartsDataModule
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional import confusion_counts, predicted_classes
from lightning_imbalance.labels import stream
from lightning_imbalance.losses import resolve
from lightning_imbalance.module import WeightedClassifier
from lightning_imbalance.small_networks import SmallConvNet
from lightning_imbalance.weighting import check_weighting

_DIGITS_RATIO = 20.0


def run_demo(options: argparse.Namespace) -> None:
    """Train, compare and print.

    Args:
        options: What ``lightning-imbalance demo`` was called with.

    Raises:
        ModuleNotFoundError: The digits are asked for and scikit-learn is missing.
        ValueError: An argument, or the folder of images, cannot work.
    """
    _quieten()
    if options.data is None:
        torch.set_num_threads(1)  # the digits are so small that threads only wait for each other
    check_weighting(options.weighting)
    resolve(options.loss)
    _check_output(options.output)
    console = Console()
    data = _data(options)
    trained_on = ClassDistribution.from_datamodule(data)
    target = torch.cat([torch.as_tensor(chunk) for chunk in stream(data.test_dataloader()).chunks])
    console.print(trained_on)
    before, after = (
        _train(name, weighting, data, target, trained_on, options, console)
        for name, weighting in (("unweighted", "uniform"), (options.weighting, options.weighting))
    )
    console.print()
    console.print(side_by_side(before, after, trained_on))
    said = verdict(before, after, target, trained_on)
    console.print(said, highlight=False, markup=False)
    for run in (before, after):
        console.print(f"\n{run.name}: {run.seconds:.0f} s to train", highlight=False, markup=False)
        console.print(f"  checkpoint  {run.checkpoint}", highlight=False, markup=False, soft_wrap=True)
        console.print(f"  log         {run.log}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"\n{_report(before, after, trained_on, said, options)}", markup=False, soft_wrap=True)
    if options.imbalance_ratio is None:  # else these commands would see other data
        source = "lightning_imbalance.datamodules:DigitsDataModule" if options.data is None else str(options.data)
        console.print("\nLook closer, and compare more remedies with several seeds:", markup=False)
        for command in ("inspect", "compare"):
            words = shlex.join(["lightning-imbalance", command, source])
            console.print(f"  {words}", highlight=False, markup=False, soft_wrap=True)


def _report(before: Run, after: Run, trained_on: ClassDistribution, said: str, options: argparse.Namespace) -> str:
    path: Path = options.output / "report.html"
    try:
        from lightning_imbalance.cli.demo_report import demo_page

        demo_page(before, after, trained_on, said, options.command_line).write(path)
    except ModuleNotFoundError:
        return 'A report with pictures needs `pip install "lightning-imbalance[plots]"`.'
    return f"report      {path.absolute()}"


def _train(
    name: str,
    weighting: str,
    data: PartsDataModule,
    target: Tensor,
    trained_on: ClassDistribution,
    options: argparse.Namespace,
    console: Console,
) -> Run:
    # The same seed before both: they start from the same network and see the same batches.
    L.seed_everything(options.seed, verbose=False)
    batches = data.train_dataloader()
    images, _ = next(iter(batches))
    L.seed_everything(options.seed, verbose=False)
    network = SmallConvNet(images.shape[1], data.num_classes)
    model = WeightedClassifier(network, weighting=weighting, loss=options.loss)
    logger = CSVLogger(options.output, name=name)
    best = ModelCheckpoint(monitor="val_balanced_accuracy", mode="max", filename="best")
    progress = RunProgress(console, name)
    trainer = L.Trainer(
        max_epochs=options.epochs,
        callbacks=[ImbalanceMonitor(), best, progress],
        logger=logger,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        plugins=[WholeFileCheckpointIO()],
        log_every_n_steps=min(10, len(batches)),
    )
    trainer.fit(model, datamodule=data)
    # The best epoch is chosen on validation data; the test part is looked at once.
    predictions = trainer.predict(model, data.test_dataloader(), ckpt_path=best.best_model_path)
    predicted = predicted_classes(torch.cat([torch.as_tensor(batch) for batch in predictions or []]), "multiclass")
    counts = confusion_counts(predicted, target, trained_on.num_classes)
    report = ClassReport(counts, trained_on.class_names, distribution=trained_on)
    log = Path(logger.log_dir) / "metrics.csv"
    return Run(name, predicted, report, Path(best.best_model_path).absolute(), log.absolute(), progress.seconds)


def _check_output(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        msg = f"`--output` must be a folder that can be written, got {folder}: {error.strerror}."
        raise ValueError(msg) from None


def _data(options: argparse.Namespace) -> PartsDataModule:
    try:
        data = _datamodule(options)
        data.setup()
    except ValueError as error:
        # The datamodule speaks of its arguments, and here they have the names of options.
        named = str(error).replace("`root`", "`--data`").replace("`imbalance_ratio`", "`--imbalance-ratio`")
        raise ValueError(named) from error
    return data


def _datamodule(options: argparse.Namespace) -> PartsDataModule:
    if options.data is None:
        if options.image_size is not None:
            msg = f"`--image-size` must come with `--data`, got {options.image_size}: the digits have 8 x 8 pixels."
            raise ValueError(msg)
        ratio = _DIGITS_RATIO if options.imbalance_ratio is None else options.imbalance_ratio
        return DigitsDataModule(ratio, batch_size=options.batch_size, seed=options.seed, num_workers=options.workers)
    return ImageFolderDataModule(
        options.data,
        batch_size=options.batch_size,
        image_size=options.image_size,
        num_workers=options.workers,
        imbalance_ratio=options.imbalance_ratio,
        seed=options.seed,
    )


def _quieten() -> None:
    # What a demo has to say stands in its tables; Lightning's own notes are for people who write the Trainer.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")  # Lightning 2.6 with torch 2.15
