"""The data to report on: those of the run, or others with the run's settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L

from lightning_imbalance.cli.instances import instance_of
from lightning_imbalance.cli.saved_run import SavedRun
from lightning_imbalance.comparison.source import FixedParts, datamodule_of
from lightning_imbalance.data.table_file import is_table_file

# What the location is called in the datamodules that are ready.
_LOCATIONS = {"ImageFolderDataModule": "root", "TabularDataModule": "data"}
_ANOTHER_SPLIT = "another one, and the model may have been trained on samples that it is measured on."


class SavedData(NamedTuple):
    """Data, and what a reader must know of them.

    Attributes:
        datamodule: The data, not set up, or set up once and for all.
        location: What they are called.
        notices: What a reader must know.
    """

    datamodule: L.LightningDataModule
    location: str
    notices: tuple[str, ...] = ()


def data_of(run: SavedRun, source: str | None, target: str | None) -> SavedData:
    """Return the data to report on, split as for the training wherever that is known.

    Args:
        run: The run.
        source: What the user names; by default what the run was trained on.
        target: The column of the classes of a table; by default that of the run.

    Returns:
        The data.

    Raises:
        ModuleNotFoundError: jsonargparse is not installed, which reads ``config.yaml``.
        TypeError: The source is something else than data.
        ValueError: There are no such data, or neither user nor run name any.

    Example:
        >>> data_of(SavedRun(Path("logs"), Path("logs/best.ckpt")), None, None)
        Traceback (most recent call last):
        ValueError: `--data` must name the data to measure the model on, got none, and logs does not say what it was ...
    """
    settings = _settings(run.config)
    if source is None:
        return _of_the_run(run, settings, target)
    if run.record is not None:
        return _of_a_comparison(run.record, source, target)
    name, arguments = settings
    location = _LOCATIONS.get(name)
    table = is_table_file(Path(source))
    if location is not None and table == (name == "TabularDataModule") and (table or Path(source).is_dir()):
        arguments |= {location: source} | ({} if target is None else {"target": target})
        if target is not None and not table:
            msg = f"`--target` must be left out unless the source is a table, got {target!r} for {source}."
            raise ValueError(msg)
        return SavedData(_ready(name, arguments), source)
    datamodule = datamodule_of(source, target)
    if name and source.rpartition(":")[2] != name:
        notice = f"The run was trained on data of {name}, and {source} is read otherwise: the split is {_ANOTHER_SPLIT}"
    else:
        notice = _on_its_own(datamodule, source)
    return SavedData(datamodule, source, (notice,))


def _of_the_run(run: SavedRun, settings: tuple[str, dict[str, Any]], target: str | None) -> SavedData:
    name, arguments = settings
    if run.config is None or not name:
        if run.record is not None:
            hint = "Name the source that was compared on."
        else:
            hint = "For the digits of `demo` that is lightning_imbalance.datamodules:DigitsDataModule."
        msg = (
            f"`--data` must name the data to measure the model on, got none, and {run.folder} does not say what it was "
            f"trained on. {hint}"
        )
        raise ValueError(msg)
    if target is not None:
        msg = f"`--target` must come with `--data`, got {target!r} alone: the run has its own."
        raise ValueError(msg)
    location = _LOCATIONS.get(name)
    if location is None:
        whole = {"class_path": run.config["data"]["class_path"], "init_args": arguments}
        datamodule = instance_of(L.LightningDataModule, whole, f"`data` in {run.folder / 'config.yaml'}")
        return SavedData(datamodule, name, (_on_its_own(datamodule, name),))
    path = Path(str(arguments.get(location)))
    if not path.exists():
        msg = (
            f"`--data` must name the data, got none, and {run.folder} was trained on {path}, which does not exist "
            "here. Run the command in the folder that `fit` ran in, or name them."
        )
        raise ValueError(msg)
    return SavedData(_ready(name, arguments), str(path))


def _of_a_comparison(record: Mapping[str, str], source: str, target: str | None) -> SavedData:
    # Set up once, with the test part that a comparison makes where there is none.
    parts = FixedParts.of(source, target)
    now = parts.describe()
    changed = [name for name in now if name in record and record[name] != now[name]]
    notices = list(parts.notes)
    if changed:
        name = changed[0]
        notices.append(
            f"These are not the data of the comparison: {name} were {record[name]}, and are {now[name]}. If both come "
            f"from the same samples, the split is {_ANOTHER_SPLIT}"
        )
    return SavedData(parts, source, tuple(note[0].upper() + note[1:].rstrip(".") + "." for note in notices))


def _settings(config: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return name and arguments of the datamodule of a ``config.yaml``; empty where it names none."""
    data = (config or {}).get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("class_path"), str):
        return "", {}
    return data["class_path"].rpartition(".")[2], dict(data.get("init_args") or {})


def _ready(name: str, arguments: dict[str, Any]) -> L.LightningDataModule:
    path = f"lightning_imbalance.datamodules.{name}"
    made: L.LightningDataModule = instance_of(
        L.LightningDataModule, {"class_path": path, "init_args": arguments}, "`data` in config.yaml"
    )
    return made


def _on_its_own(datamodule: L.LightningDataModule, name: str) -> str:
    from lightning_imbalance.datamodules import PartsDataModule

    if isinstance(datamodule, PartsDataModule):
        return (
            f"Nothing says how the data were split for the training. {name} is split with the seed {datamodule.seed} "
            "here: with another seed or other shares, the model was trained on samples that it is measured on."
        )
    return (
        f"Whether these samples were kept out of the training rests on {name}: a split by chance must have a seed of "
        "its own."
    )
