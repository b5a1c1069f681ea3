"""With what a report was made."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

import torch

from lightning_imbalance.reports.page import DataTable, Section
from lightning_imbalance.tables import Column, Table

_PACKAGES = ("lightning-imbalance", "torch", "lightning", "torchmetrics", "torchvision", "numpy")


def environment_section() -> Section:
    """Return a section with the versions of everything that figures may depend on, the machine, and the time.

    Nothing is imported for it but torch. It names no path and no user.

    Example:
        >>> [block.table.rows[1][0] for block in environment_section().blocks]
        ['Python']
    """
    rows = [
        ("written", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        *((name, _version(name)) for name in _PACKAGES),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("accelerator", _accelerator()),
    ]
    table = Table((Column("what", "left"), Column("version", "left")), tuple(rows))
    return Section("Environment", (DataTable(table, sortable=False),))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _accelerator() -> str:
    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return "Apple MPS" if torch.backends.mps.is_available() else "none"
