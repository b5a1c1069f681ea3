"""The model of a checkpoint: the network from wherever it is known, and the rest from the checkpoint itself."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from lightning_imbalance.class_state import KEY
from lightning_imbalance.cli.instances import instance_of
from lightning_imbalance.cli.named_network import NamedNetwork
from lightning_imbalance.cli.saved_run import SavedRun
from lightning_imbalance.comparison.remedies import cosine_head
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.module import WeightedClassifier
from lightning_imbalance.small_networks import small_network

_NETWORK = "model."
_COSINE_HEAD = f"{cosine_head.__module__}.{cosine_head.__qualname__}"
_POST_HOC = ("TemperatureScaling", "TauNormalization", "ThresholdTuning")


class SavedModel(NamedTuple):
    """A model, and what could not be brought back.

    Attributes:
        model: The model.
        trained_with: What the run says beside: network, optimizer, remedy.
        notices: What a reader must know.
        lost_loss: The loss that it was trained with, in words, where nothing says how to make it again.
    """

    model: WeightedClassifier
    trained_with: Mapping[str, str]
    notices: tuple[str, ...]
    lost_loss: str | None


def model_of(
    run: SavedRun, checkpoint: Mapping[str, Any], named: str | None, shape: Callable[[], tuple[int, ...]]
) -> SavedModel:
    """Return the model of a checkpoint.

    The network is the one that the user names, else that of ``config.yaml``, else the small network that
    ``fit``, ``demo`` and ``compare`` train where they are given none. It must fit the checkpoint.

    Args:
        run: The run.
        checkpoint: Content of its checkpoint.
        named: ``package.module.name`` or ``package.module:name`` of what makes the network.
        shape: Gives the shape of one sample.

    Returns:
        The model.

    Raises:
        ModuleNotFoundError: jsonargparse is not installed, which reads ``config.yaml``.
        TypeError: What ``named`` is makes no network.
        ValueError: No network is known, or it does not fit the checkpoint.
    """
    saved = checkpoint[KEY]
    distribution = ClassDistribution.from_dict(saved["class_distribution"])
    outputs = 1 if distribution.task == "binary" else distribution.num_classes
    state = {name: value for name, value in checkpoint["state_dict"].items() if isinstance(value, Tensor)}
    if not any(name.startswith(_NETWORK) for name in state):
        msg = (
            f"the checkpoint must be one of WeightedClassifier around a network, got {run.checkpoint} of a subclass "
            "with a `forward` of its own. Load it in Python, and call "
            "`model_report(model, datamodule)` of `lightning_imbalance.reports.model_report`."
        )
        raise ValueError(msg)
    network, words = _network(run, named, outputs, shape)
    _check_fit(network, state, run, words["network"], named)
    arguments = _arguments(run, checkpoint)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = WeightedClassifier(network, **arguments)
        model.on_load_checkpoint(dict(checkpoint))
    lost = saved.get("loss") if saved.get("loss") not in (None, model.trained_with()["loss"]) else None
    if lost is not None:
        state = {name: value for name, value in state.items() if not name.startswith("_loss.")}
    model.load_state_dict(state, strict=lost is None)
    words |= _words_of(run, checkpoint)
    if "weighting" in saved:
        words["weighting"] = str(saved["weighting"])
    notices = [str(warning.message) for warning in said if "`loss` must" in str(warning.message)]
    notices += [
        f"The checkpoint holds what {name} found on validation data. These figures are without it."
        for name in _POST_HOC
        if any(str(key).startswith(name) for key in checkpoint.get("callbacks") or {})
    ]
    return SavedModel(model.eval(), words, tuple(notices), lost)


def _network(
    run: SavedRun, named: str | None, outputs: int, shape: Callable[[], tuple[int, ...]]
) -> tuple[nn.Module, dict[str, str]]:
    if named is not None:
        network = NamedNetwork(named)(outputs)
        if not isinstance(network, nn.Module):
            msg = f"`--model` must make a torch.nn.Module, got {named!r}, which makes {type(network).__name__}."
            raise TypeError(msg)
        return network, {"network": named}
    model = (run.config or {}).get("model")
    said = model.get("model") if isinstance(model, Mapping) else None
    if isinstance(said, Mapping) and "class_path" in said:
        return instance_of(nn.Module, said, f"`model.model` in {run.folder / 'config.yaml'}"), {
            "network": str(said["class_path"])
        }
    network = small_network(shape(), outputs)
    changed = (run.record or {}).get("network", "")
    if changed == _COSINE_HEAD:
        return cosine_head(network), {"network": f"{type(network).__name__} with a cosine classifier"}
    return network, {"network": type(network).__name__}


def _check_fit(network: nn.Module, state: Mapping[str, Tensor], run: SavedRun, what: str, named: str | None) -> None:
    """Refuse a network that is not that of the checkpoint; says what differs first."""
    wanted = {name.removeprefix(_NETWORK): value for name, value in state.items() if name.startswith(_NETWORK)}
    mine = network.state_dict()
    differs = next(
        (
            f"its {name} has shape {tuple(mine[name].shape)} and that of the checkpoint {tuple(wanted[name].shape)}"
            if name in mine and name in wanted
            else f"{name} is missing in {'it' if name in wanted else 'the checkpoint'}"
            for name in {**wanted, **mine}
            if name not in mine or name not in wanted or mine[name].shape != wanted[name].shape
        ),
        None,
    )
    if differs is None:
        return
    if named is None:
        msg = (
            f"`--model` must name the network of {run.checkpoint}, got none, and it is not {what}, the one that is "
            f"taken where nothing says another: {differs}. Pass `--model torchvision.models.resnet18`, or "
            "`--model package.module:name` of what makes it."
        )
    else:
        msg = f"`--model` must be the network of {run.checkpoint}, got {named}: {differs}."
    raise ValueError(msg)


def _arguments(run: SavedRun, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyper-parameters, and what only ``config.yaml`` knows: a loss or a transform that is an object."""
    known = inspect.signature(WeightedClassifier).parameters
    saved = {
        name: value
        for name, value in (checkpoint.get("hyper_parameters") or {}).items()
        if not name.startswith("_") and name not in {"model", "optimizer", "lr_scheduler"}
    }
    unknown = [name for name in saved if name not in known]
    if unknown:
        msg = (
            f"the checkpoint must be one of WeightedClassifier, got {run.checkpoint} of a subclass with an argument "
            f"{unknown[0]!r}. Load it in Python, and call "
            "`model_report(model, datamodule)` of `lightning_imbalance.reports.model_report`."
        )
        raise ValueError(msg)
    # A loss of somebody else is no hyper-parameter.
    loss = ((run.config or {}).get("model") or {}).get("loss")
    if "loss" not in saved and isinstance(loss, Mapping) and "class_path" in loss:
        saved["loss"] = instance_of(nn.Module, loss, f"`model.loss` in {run.folder / 'config.yaml'}")
    return saved


def _words_of(run: SavedRun, checkpoint: Mapping[str, Any]) -> dict[str, str]:
    words = {}
    optimizer = ((run.config or {}).get("model") or {}).get("optimizer")
    if isinstance(optimizer, Mapping) and "class_path" in optimizer:
        rate = (optimizer.get("init_args") or {}).get("lr")
        name = str(optimizer["class_path"]).rpartition(".")[2]
        words["optimizer"] = name if rate is None else f"{name}, learning rate {rate}"
    if run.record is not None:
        of = {"remedy": run.folder.parent.name, "seed": run.folder.name.removeprefix("seed-")}
        more = ("sampler", "training_data", "optimizer", "lr_scheduler", "max_epochs")
        named = {name.replace("_", " "): run.record[name] for name in more if run.record.get(name, "None") != "None"}
        callbacks = {name: value for name, value in run.record.items() if name.startswith("callbacks[")}
        words |= of | named | callbacks
    if isinstance(checkpoint.get("epoch"), int):
        words["checkpoint"] = f"{Path(run.checkpoint).name}, after epoch {checkpoint['epoch']}"
    return words
