"""Finished runs on disk: whole or not there, and never taken for those of another experiment."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lightning_imbalance.comparison.experiment import Experiment
from lightning_imbalance.comparison.figures import Evidence, Judge
from lightning_imbalance.comparison.remedies import Remedy
from lightning_imbalance.comparison.training import CHECKPOINT, Trained, run

_RECORD, _PREDICTIONS = "run.json", "predictions.pt"
_UNFINISHED = ".unfinished-"


class Finished:
    """A run that is on disk, by its folder.

    Attributes:
        evidence: What it says of the test samples.
        figures: Its figures on the test part.
        validation: The figure that chose its epoch.
        for_training_prior: Whether its probabilities are those for the training data's class prior.
        seconds: How long it took.
        checkpoint: Path of the checkpoint; ``None`` for a remedy that trains nothing.

    Args:
        folder: Its folder.

    Raises:
        OSError: A file is missing or cannot be read.

    Example:
        >>> Finished(Path("runs/none/seed-0"))
        Traceback (most recent call last):
        FileNotFoundError: [Errno 2] No such file or directory: 'runs/none/seed-0/run.json'
    """

    def __init__(self, folder: Path) -> None:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        self.evidence = Evidence(**torch.load(folder / _PREDICTIONS, weights_only=True))
        self.figures: dict[str, float] = record["figures"]
        self.validation: float = record["validation"]
        self.for_training_prior: bool = record["for_training_prior"]
        self.seconds: float = record["seconds"]
        self.checkpoint = folder / CHECKPOINT if (folder / CHECKPOINT).exists() else None


@dataclass(frozen=True)
class RunFolders:
    """The folder of a comparison.

    Args:
        output: The folder. Run ``seed`` of a remedy is in ``runs/<remedy>/seed-<seed>``.
        experiment: What all runs have in common.

    Example:
        >>> RunFolders(Path("comparison"), None).folder("none", 0)
        PosixPath('comparison/runs/none/seed-0')
    """

    output: Path
    experiment: Experiment

    def folder(self, remedy: str, seed: int) -> Path:
        """Return the folder of a run, finished or not."""
        return self.output / "runs" / remedy / f"seed-{seed}"

    def is_finished(self, remedy: Remedy, seed: int) -> bool:
        """Say whether a run is there, and refuse one of another experiment.

        Args:
            remedy: The remedy.
            seed: The seed.

        Returns:
            Whether it need not be run.

        Raises:
            ValueError: It was made with other data or settings; names the first that differs.
        """
        folder = self.folder(remedy.name, seed)
        if not folder.exists():
            return False
        known: Mapping[str, str] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))["made_with"]
        mine = self.made_with(remedy)
        changed = [name for name in {**known, **mine} if known.get(name) != mine.get(name)]
        if changed:
            name = changed[0]
            before, now = (made.get(name, "not set") for made in (known, mine))
            msg = (
                f"`output` must be a folder without runs of another comparison, got {self.output}, where {name} of "
                f"remedy {remedy.name!r} was {before} and is now {now}. Pass another `output`, or delete {folder}."
            )
            raise ValueError(msg)
        return True

    def finished(self, remedy: Remedy, seed: int) -> Finished:
        """Return a run that is finished."""
        return Finished(self.folder(remedy.name, seed))

    def made_with(self, remedy: Remedy) -> dict[str, str]:
        """Return all that a run depends on beside its seed, in words."""
        words = remedy.describe()
        if remedy.of is not None:
            taken = self.experiment.remedy(remedy.of).describe()
            words |= {f"{name} of {remedy.of!r}": value for name, value in taken.items()}
        return {**self.experiment.describe(), **words}

    def make(self, remedy: Remedy, seed: int) -> Finished:
        """Run a remedy with a seed, and keep what came out when all of it is there.

        Args:
            remedy: The remedy; the one whose networks it takes is finished.
            seed: The seed.

        Returns:
            The finished run.
        """
        folder = self.folder(remedy.name, seed)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that moving it there is one step on any disk.
        unfinished = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{folder.name}-", dir=folder.parent))
        try:
            networks = None if remedy.of is None else self.folder(remedy.of, seed)
            self._write(unfinished, remedy, run(self.experiment, remedy, seed, unfinished, networks))
            unfinished.replace(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return self.finished(remedy, seed)

    def clear_unfinished(self) -> None:
        """Delete what runs have left that were killed."""
        for left in self.output.glob(f"runs/*/{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _write(self, folder: Path, remedy: Remedy, trained: Trained) -> None:
        torch.save(trained.evidence._asdict(), folder / _PREDICTIONS)
        parts = self.experiment.parts
        record: dict[str, Any] = {
            "made_with": self.made_with(remedy),
            "figures": Judge(parts.target, parts.distribution).figures(trained.evidence),
            "validation": trained.validation,
            "for_training_prior": trained.for_training_prior,
            "seconds": trained.seconds,
        }
        (folder / _RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")
