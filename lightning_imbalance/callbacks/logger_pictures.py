"""Pictures for loggers, each in the way in which it takes them.

TensorBoard, Weights & Biases and MLflow are recognised by the module of the logger's class and imported nowhere:
whoever has such a logger has imported its library.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from lightning.fabric.utilities.cloud_io import get_filesystem
from lightning.pytorch.loggers.logger import DummyLogger

FOLDER = "pictures"
"""Below the folder of a CSV logger, and among the artifacts of MLflow."""


def takes_pictures(logger: Any) -> bool:
    """Say whether a logger can be given pictures.

    Args:
        logger: Any logger of Lightning's.

    Returns:
        Whether :func:`send_picture` knows how.

    Example:
        >>> takes_pictures(object())
        False
    """
    # The first stands for the user's logger in a dry run, and keeps nothing.
    return isinstance(logger, DummyLogger) or _sender(logger) is not None


def send_picture(logger: Any, name: str, figure: Any, step: int) -> None:
    """Give a picture to a logger that takes pictures.

    Args:
        logger: A logger that :func:`takes_pictures`.
        name: What the picture shows, such as ``val_recall``.
        figure: The figure, a :class:`~lightning_imbalance.drawing.picture.Picture`.
        step: The optimizer steps so far.

    Example:
        >>> send_picture(DummyLogger(), "val_recall", None, step=0)
    """
    sender = _sender(logger)
    if sender is not None:
        sender(logger, name, figure, step)


def _sender(logger: Any) -> Callable[[Any, str, Any, int], None] | None:
    for base in type(logger).__mro__:
        package, _, module = base.__module__.rpartition(".")
        if package.rpartition(".")[2] == "loggers" and module in _SENDERS:
            return _SENDERS[module]
    return None


def _to_tensorboard(logger: Any, name: str, figure: Any, step: int) -> None:
    # close would look for the figure in pyplot, which does not know it.
    logger.experiment.add_figure(name, figure, global_step=step, close=False)


def _to_wandb(logger: Any, name: str, figure: Any, step: int) -> None:
    from PIL import Image  # comes with matplotlib

    logger.log_image(name, [Image.open(io.BytesIO(figure.as_png()))], step=step)


def _to_mlflow(logger: Any, name: str, figure: Any, step: int) -> None:
    logger.experiment.log_figure(logger.run_id, figure, f"{FOLDER}/{_file(name, step)}")


def _to_csv(logger: Any, name: str, figure: Any, step: int) -> None:
    # Makes the folder first: it warns about one that is not empty.
    _ = logger.experiment
    files = get_filesystem(logger.log_dir)
    folder = f"{logger.log_dir}/{FOLDER}"
    files.makedirs(folder, exist_ok=True)
    with files.open(f"{folder}/{_file(name, step)}", "wb") as file:
        file.write(figure.as_png())


def _file(name: str, step: int) -> str:
    return f"{name.replace('/', '-')}-step={step:07d}.png"


_SENDERS: dict[str, Callable[[Any, str, Any, int], None]] = {
    "tensorboard": _to_tensorboard,
    "wandb": _to_wandb,
    "mlflow": _to_mlflow,
    "csv_logs": _to_csv,
}
