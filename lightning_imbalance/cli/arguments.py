"""The words that each command takes, and who runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lightning_imbalance.__about__ import __version__

# Of LightningCLI, which has a parser of its own.
TRAINING_COMMANDS = {
    "fit": "train a model, with weighted classes and the recall of each class in the logs",
    "validate": "measure a model on the validation data",
    "test": "measure a model on the test data",
    "predict": "write the class probabilities of the test data into a table",
}

# Those of the comparison, which this file does not import: who asks for help waits for no torch. A test compares.
METRICS = ("balanced_accuracy", "worst_class_recall", "macro_f1")


def parser(training_options: Mapping[str, Sequence[str] | None] | None = None) -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Args:
        training_options: Options of the training commands with their values (``None`` for any), for what reads the
            parser as a list of options. By default LightningCLI gets all that stands after such a command.

    Example:
        >>> parser().parse_args(["demo", "--epochs", "3"]).epochs
        3
        >>> parser().parse_args(["fit", "--data.root", "photos"]).arguments
        ['--data.root', 'photos']
    """
    program = argparse.ArgumentParser(
        prog="lightning-imbalance", description="See what class imbalance does to a classifier, and what helps."
    )
    program.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = program.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_inspect(commands.add_parser("inspect", help="show the classes of a data set, and what weights would do"))
    _add_compare(commands.add_parser("compare", help="train remedies side by side, and say which one helped"))
    _add_report(commands.add_parser("report", help="measure one trained model, and write what it finds as a page"))
    _add_demo(
        commands.add_parser("demo", help="train with and without class weights, and compare every class's recall")
    )
    for name, help_text in TRAINING_COMMANDS.items():
        if training_options is None:
            # Without a prefix that anybody types, every word is an argument, which LightningCLI reads.
            command = commands.add_parser(name, help=help_text, add_help=False, prefix_chars="\0")
            command.add_argument("arguments", nargs="*")
        else:
            command = commands.add_parser(name, help=help_text)
            for option, values in training_options.items():
                command.add_argument(option, choices=values)
        command.set_defaults(run="lightning_imbalance.cli.training:run_training", stopped="the model was done")
    _add_completion(commands.add_parser("completion", help="print what makes a shell complete these commands"))
    return program


def _add_inspect(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Show how many samples each class has, how well its recall can be measured, which class prior each weighting "
        "makes a model believe in, and what to try first. No image is opened, and of a table one column is read."
    )
    command.add_argument(
        "source",
        metavar="SOURCE",
        help="folder of images; table (.csv, .tsv, .parquet) with --target; folder of a data set of torchvision or "
        "Hugging Face; or package.module:name of a datamodule or data set",
    )
    command.add_argument("--target", metavar="COLUMN", help="column of the classes")
    command.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    command.add_argument("--html", type=Path, metavar="FILE", help="write a report: one HTML file, with pictures")
    command.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="write a picture of the counts and of the weights' effect: .png, .svg, .pdf",
    )
    _add_debug(command)
    command.set_defaults(run="lightning_imbalance.cli.inspect_source:run_inspect", stopped="the classes were counted")


def _add_compare(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Train each remedy with the same seeds on the same parts of the data, and say which one helped, with intervals "
        "that hold together. Finished runs are kept: the same command goes on after an interruption, and one with more "
        "remedies or seeds makes only what is missing."
    )
    command.add_argument(
        "source",
        metavar="SOURCE",
        help="folder of images; table (.csv, .tsv, .parquet) with --target; folder of a data set of torchvision or "
        "Hugging Face; or package.module:name of a datamodule or data set",
    )
    command.add_argument("--target", metavar="COLUMN", help="column of the classes")
    command.add_argument(
        "--remedies",
        type=_names,
        metavar="NAME,...",
        help="what to compare, with the baseline: names, or package.module:name of a Remedy "
        "(none,weighted,balanced_softmax,balanced_sampler,posthoc)",
    )
    command.add_argument(
        "--seeds", type=_seeds, default=3, metavar="N", help="runs of each remedy, or their seeds: 0,1,7 (3)"
    )
    command.add_argument("--max-epochs", type=_positive(int), default=20, metavar="N", help="epochs of each run (20)")
    command.add_argument(
        "--metric", choices=METRICS, default=METRICS[0], help="figure that chooses epochs and remedy (%(default)s)"
    )
    command.add_argument("--baseline", default="none", metavar="NAME", help="what the others are compared with (none)")
    command.add_argument(
        "--model",
        metavar="NAME",
        help="package.module.name of what makes a network of the number of classes, such as "
        "torchvision.models.resnet18 (a small network that fits the data)",
    )
    command.add_argument(
        "--workers", type=_workers, default=1, metavar="N", help="runs at a time, or auto: one a GPU or two cores (1)"
    )
    command.add_argument(
        "--confidence", type=_share, default=0.95, metavar="P", help="with which all intervals hold (0.95)"
    )
    command.add_argument("--accelerator", choices=("auto", "cpu", "gpu"), help="where a run trains (auto)")
    command.add_argument(
        "--precision", choices=("16-mixed", "bf16-mixed", "32-true", "64-true"), help="of the numbers (32-true)"
    )
    command.add_argument(
        "--output",
        type=Path,
        default=Path("lightning-imbalance-comparison"),
        metavar="DIR",
        help="where runs, figures, report and best checkpoint go (./lightning-imbalance-comparison)",
    )
    command.add_argument("--html", type=Path, metavar="FILE", help="write the report there too")
    command.add_argument("--csv", type=Path, metavar="FILE", help="write the figures there too")
    command.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    _add_debug(command)
    command.set_defaults(run="lightning_imbalance.cli.compare_remedies:run_compare", stopped="the comparison was done")


def _add_report(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Measure a trained model on data that it was not trained on: recall of each class with its interval, what is "
        "taken for what, how far its probabilities can be believed and for which class prior. Writes an HTML page."
    )
    command.add_argument(
        "saved",
        type=Path,
        metavar="RUN_OR_CHECKPOINT",
        help="folder of a run of fit, demo or compare (lightning_logs/version_0), or a checkpoint (.ckpt)",
    )
    command.add_argument(
        "--data",
        metavar="SOURCE",
        help="the data, as inspect takes them (by default those that a run of fit was trained on, split in the same "
        "way)",
    )
    command.add_argument("--target", metavar="COLUMN", help="column of the classes, where --data is a table")
    command.add_argument(
        "--part", choices=("val", "test"), help="what to measure on (test where there is a test part, else val)"
    )
    command.add_argument(
        "--model",
        metavar="NAME",
        help="what makes the network, where the run does not say: torchvision.models.resnet18, package.module:name",
    )
    command.add_argument(
        "--html", type=Path, metavar="FILE", help="where the page goes (report.html in the run's folder)"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object, and write a page with --html alone"
    )
    _add_debug(command)
    command.set_defaults(run="lightning_imbalance.cli.report_run:run_report", stopped="the report was written")


def _add_completion(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Print a script that makes a shell complete commands and options. For bash: lightning-imbalance completion "
        "bash > ~/.local/share/bash-completion/completions/lightning-imbalance"
    )
    command.add_argument("shell", choices=("bash", "zsh"), help="the shell")
    _add_debug(command)
    command.set_defaults(run="lightning_imbalance.cli.completion:run_completion", stopped="the script was written")


def _add_debug(command: argparse.ArgumentParser) -> None:
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")


def _add_demo(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Train a small convolutional network twice, without and with class weights, and print the recall of each class "
        "side by side. By default on handwritten digits made long-tailed; with --data on a folder of your own images."
    )
    command.add_argument("--data", type=Path, metavar="PATH", help="folder of images, one folder a class")
    command.add_argument("--epochs", type=_positive(int), default=20, help="passes over the training data (20)")
    command.add_argument("--seed", type=_seed, default=0, help="seed of split, network and order (0)")
    command.add_argument(
        "--imbalance-ratio",
        type=_positive(float),
        help="thin the training data out until the largest class is this many times the smallest "
        "(20 for the digits; a folder stays as it is)",
    )
    command.add_argument("--weighting", default="balanced", help="weighting scheme of the second run (balanced)")
    command.add_argument(
        "--loss", default="cross_entropy", help="loss of both runs: cross_entropy, focal, ... (cross_entropy)"
    )
    command.add_argument("--batch-size", type=_positive(int), default=32, help="samples in a batch (32)")
    command.add_argument(
        "--image-size", type=_image_size, help="height and width to resize images of --data to, in pixels (64)"
    )
    command.add_argument("--workers", type=_natural, default=0, help="processes that load images (0)")
    command.add_argument(
        "--output",
        type=Path,
        default=Path("lightning-imbalance-demo"),
        metavar="DIR",
        help="where checkpoints and logs go (./lightning-imbalance-demo)",
    )
    _add_debug(command)
    command.set_defaults(run="lightning_imbalance.cli.demo:run_demo", stopped="both models were trained")


def _positive(kind: type[int | float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    parse.__name__ = f"positive {kind.__name__}"
    return parse


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise ValueError
    return names


def _seeds(text: str) -> int | list[int]:
    numbers = [int(number) for number in text.split(",")]
    return numbers if "," in text else numbers[0]


def _workers(text: str) -> int | str:
    return text if text == "auto" else int(_positive(int)(text))


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise ValueError
    return value


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _image_size(text: str) -> int:
    value = int(text)
    if not 4 <= value <= 2048:
        raise ValueError
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise ValueError
    return value


_image_size.__name__ = "image size from 4 to 2048"
_names.__name__ = "list of names with commas between them"
_natural.__name__ = "number from 0 on"
_seed.__name__ = "seed from 0 to 4294967295"
_seeds.__name__ = "number of runs or list of seeds with commas between them"
_share.__name__ = "number between 0 and 1"
_workers.__name__ = "number of workers (or auto)"
