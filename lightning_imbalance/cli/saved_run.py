"""What a run has left on disk: its checkpoint, its log, and what it was made with."""

from __future__ import annotations

import filecmp
import json
import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from lightning_imbalance.checks import listed
from lightning_imbalance.class_state import KEY

_CONFIG, _RECORD = "config.yaml", "run.json"
_LOGS = ("metrics.csv", "log/metrics.csv")
_LOOKED_AT = 1000


@dataclass(frozen=True)
class SavedRun:
    """One run.

    Args:
        folder: Its folder, where a report of it belongs.
        checkpoint: Path of the checkpoint.
        log: Path of ``metrics.csv``, where there is one.
        config: What ``config.yaml`` says, where `fit` wrote one.
        record: What a comparison says that the run was made with, where it is one of a comparison.

    Example:
        >>> SavedRun(Path("logs"), Path("logs/best.ckpt")).record is None
        True
    """

    folder: Path
    checkpoint: Path
    log: Path | None = None
    config: Mapping[str, Any] | None = None
    record: Mapping[str, str] | None = None


def find_run(given: Path) -> SavedRun:
    """Find what belongs to a run.

    Args:
        given: The folder of a run of ``fit``, ``demo`` or ``compare``, or a checkpoint, which may lie in one. That
            of a comparison that has copied its best checkpoint there is the run that it comes from.

    Returns:
        The run.

    Raises:
        ValueError: There is none, or not one.

    Example:
        >>> find_run(Path("no/such/run"))
        Traceback (most recent call last):
        ValueError: RUN_OR_CHECKPOINT must be the folder of a run or a checkpoint, got no/such/run, which does not ...
    """
    if not given.exists():
        msg = f"RUN_OR_CHECKPOINT must be the folder of a run or a checkpoint, got {given}, which does not exist."
        raise ValueError(msg)
    checkpoint = given if given.is_file() else None
    folder = given if checkpoint is None else given.parent
    folder = folder.parent if folder.name == "checkpoints" else folder
    record = _record(folder)
    if checkpoint is None:
        checkpoint = _checkpoint(folder, given, record)
    original = _original(folder, checkpoint)
    if original is not None:
        return find_run(original.parent)
    log = next((folder / name for name in _LOGS if (folder / name).is_file()), None)
    return SavedRun(folder, checkpoint, log, _config(folder), record)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of a :class:`~lightning_imbalance.WeightedClassifier`; no code in it is run.

    Args:
        path: The file.

    Returns:
        Its content, on the CPU.

    Raises:
        ValueError: It cannot be read without running code, is no whole checkpoint, or is one of another model.

    Example:
        >>> _ = Path("half.ckpt").write_bytes(b"PK")
        >>> read_checkpoint(Path("half.ckpt"))
        Traceback (most recent call last):
        ValueError: the checkpoint must be a whole file that torch can read, got half.ckpt, which is cut off or is ...
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a broken file may look like
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (PermissionError, IsADirectoryError) as error:
        msg = f"the checkpoint must be a file that can be read, got {path}: {error.strerror}."
        raise ValueError(msg) from error
    except Exception as error:  # torch raises what its many readers raise
        if isinstance(error, pickle.UnpicklingError) and "unsupported global" in str(error).lower() and _is_saved(path):
            msg = (
                f"the checkpoint must hold tensors, numbers and text alone, got {path}, which needs code to be run. "
                "Hyper-parameters of your own must be plain values."
            )
            raise ValueError(msg) from error
        msg = (
            f"the checkpoint must be a whole file that torch can read, got {path}, which is cut off or is something "
            "else."
        )
        raise ValueError(msg) from error
    if not isinstance(found, dict) or not isinstance(found.get("state_dict"), dict) or KEY not in found:
        msg = (
            f"the checkpoint must be one of a WeightedClassifier, got {path}, which does not say what classes it was "
            "trained on."
        )
        raise ValueError(msg)
    if not isinstance(found[KEY], dict) or not found[KEY].get("class_distribution"):
        msg = f"the checkpoint must be one of a model that was fitted, got {path}, which has seen no class."
        raise ValueError(msg)
    return found


def _is_saved(path: Path) -> bool:
    """Say whether a file begins as those that torch writes; any text may look like a pickle."""
    with path.open("rb") as file:
        return file.read(2)[:1] in {b"P", b"\x80"}


def _checkpoint(folder: Path, given: Path, record: Mapping[str, str] | None) -> Path:
    """Return the one checkpoint of a folder."""
    found = sorted(folder.glob("checkpoints/*.ckpt")) or sorted(folder.glob("*.ckpt"))
    if len(found) == 1:
        return found[0]
    if found:
        best = _best(found)
        if best is None:
            names = listed([path.name for path in found])
            msg = (
                f"RUN_OR_CHECKPOINT must have one checkpoint, or one that was the best, got {given} with {names}. Name "
                f"one of them, for example {found[0]}."
            )
            raise ValueError(msg)
        return best
    if record is not None and "of" in record:
        other = record["of"].strip("'")
        msg = (
            f"RUN_OR_CHECKPOINT must be a run that trained something, got {given}, which takes the network of "
            f"{other!r}. Report on {folder.parent.parent / other / folder.name}."
        )
        raise ValueError(msg)
    below = {_folder_of(path) for path in islice(given.rglob("*.ckpt"), _LOOKED_AT)}
    if below:
        msg = (
            f"RUN_OR_CHECKPOINT must be one run, got {given}, in which there {'is' if len(below) == 1 else 'are'} "
            f"{len(below)}. Name one, for example {min(below)}."
        )
        raise ValueError(msg)
    msg = f"RUN_OR_CHECKPOINT must have a checkpoint (.ckpt), got {given} without one."
    raise ValueError(msg)


def _original(folder: Path, checkpoint: Path) -> Path | None:
    """Return the checkpoint of a comparison's run that one in the comparison's folder is a copy of."""
    runs = sorted(folder.glob("runs/*/seed-*/*.ckpt")) if checkpoint.parent == folder else []
    return next((path for path in runs if filecmp.cmp(path, checkpoint, shallow=False)), None)


def _folder_of(checkpoint: Path) -> Path:
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else checkpoint.parent


def _best(checkpoints: Sequence[Path]) -> Path | None:
    """Return the one that the newest says was the best."""
    newest = max(checkpoints, key=lambda path: path.stat().st_mtime_ns)
    callbacks = read_checkpoint(newest).get("callbacks") or {}
    states = [state for name, state in callbacks.items() if str(name).startswith("ModelCheckpoint")]
    names = {Path(str(state.get("best_model_path", ""))).name for state in states if state.get("monitor")}
    found = [path for path in checkpoints if path.name in names]
    return found[0] if len(found) == 1 else None


def _config(folder: Path) -> Mapping[str, Any] | None:
    path = folder / _CONFIG
    if not path.is_file():
        return None
    import yaml  # Lightning needs it

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"{path} must be what `fit` wrote there, got a file that is no YAML: {str(error).splitlines()[0]}."
        raise ValueError(msg) from None
    return config if isinstance(config, dict) else None


def _record(folder: Path) -> Mapping[str, str] | None:
    path = folder / _RECORD
    if not path.is_file():
        return None
    try:
        made_with = json.loads(path.read_text(encoding="utf-8"))["made_with"]
        return {str(name): str(words) for name, words in made_with.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        msg = f"{path} must be what a comparison wrote there, got a file that says nothing of how the run was made."
        raise ValueError(msg) from None
