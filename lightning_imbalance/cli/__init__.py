"""The command ``lightning-imbalance``."""

from lightning_imbalance.cli.program import main

__all__ = ["main"]
