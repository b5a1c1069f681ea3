"""The versions that figures depend on."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError

import torch

from lightning_imbalance import __version__
from lightning_imbalance.reports import environment


def rows():
    (block,) = environment.environment_section().blocks
    return dict(block.table.rows)


def test_the_versions_are_those_that_run():
    found = rows()

    assert found["lightning-imbalance"] == __version__
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found["Python"].startswith(platform.python_version())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", found["written"])


def test_what_is_not_installed_is_said_so(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(environment, "version", missing)

    assert rows()["torchvision"] == "not installed"


def test_the_accelerator_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {index}")
    assert rows()["accelerator"] == "card 0, card 1"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert rows()["accelerator"] == "none"
