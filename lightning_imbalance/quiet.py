"""Fits and evaluations without the advice that a Trainer gives to those who wrote it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what Lightning and torch say to people who write the Trainer and the loaders themselves.

    Example:
        >>> with quiet():
        ...     warnings.warn("The 'train_dataloader' does not have many workers ...")
    """
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")  # Lightning 2.6 with torch 2.15
        warnings.filterwarnings("ignore", message="(?s).*exists and is not empty.*")
        warnings.filterwarnings("ignore", message="(?s).*Experiment logs directory.*")
        warnings.filterwarnings("ignore", message=".*pin_memory.*no accelerator is found.*")
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
