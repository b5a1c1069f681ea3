"""What holds for every test and every docstring example: one thread, a seed of its own, a folder of its own."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Callable, Sequence

import hypothesis
import lightning as L
import pytest
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

# Every worker of pytest-xdist has one core; more threads would wait for each other.
torch.set_num_threads(1)

# deadline: a busy machine is no failure. database: the repository holds no examples; in CI the same ones are tried each
# time, and a failure prints how to repeat it.
hypothesis.settings.register_profile(
    "project", deadline=None, database=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("project")

# The hidden beginnings of the pages are run by test_documents.py, not collected.
collect_ignore = ["documents"]


class EveryItem:
    """Fixtures for all items; those of a conftest.py would not reach the docstrings of the package."""

    @pytest.fixture(autouse=True)
    def _seed(self, request: pytest.FixtureRequest) -> None:
        """Start from numbers that depend on the test alone, whatever ran before."""
        seed = zlib.crc32(request.node.nodeid.encode())
        random.seed(seed)
        torch.manual_seed(seed)

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
        """Write checkpoints and logs into a temporary folder, never into the repository."""
        monkeypatch.chdir(str(tmp_path))


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixtures for the whole run."""
    config.pluginmanager.register(EveryItem(), "every-item")


@pytest.fixture
def tiny_trainer() -> Callable[..., L.Trainer]:
    """Make a Trainer that runs one epoch on the CPU, writes no file and prints nothing, unless told otherwise."""
    quiet = {
        "max_epochs": 1,
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "enable_progress_bar": False,
    }
    return lambda **options: L.Trainer(**(quiet | options))


class Blobs(TensorDataset):
    """Points around a corner for each class; the classes lie apart, and not so far that none is missed."""

    def __init__(self, counts: Sequence[int], classes: Sequence[str] | None = None) -> None:
        target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        generator = torch.Generator().manual_seed(len(target))
        noise = torch.randn(len(target), len(counts), generator=generator)
        super().__init__(2 * torch.eye(len(counts))[target] + noise, target)
        self.classes = classes

    def class_labels(self) -> Tensor:
        """Return the labels, so that ``classes`` are read with them."""
        return self.tensors[1]


@pytest.fixture
def blobs() -> type[Blobs]:
    """Make a small data set of given counts: ``blobs([20, 5], classes=["cat", "dog"])``, one input a class."""
    return Blobs
