"""What is left out, and what is not."""

from __future__ import annotations

import logging
import warnings

import pytest

from lightning_imbalance.quiet import quiet


def test_lightnings_notes_are_left_out_and_come_back_afterwards() -> None:
    logger = logging.getLogger("lightning.pytorch")
    before = logger.level

    with quiet():
        assert logger.level == logging.WARNING
    assert logger.level == before


def test_other_warnings_are_heard() -> None:
    with pytest.warns(UserWarning, match="of the user"), quiet():
        warnings.warn("of the user", stacklevel=1)
