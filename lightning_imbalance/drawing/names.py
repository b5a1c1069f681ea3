"""Class names as text and nothing else: they come from folder names, and ``$x_1$`` is one."""

from __future__ import annotations

from typing import Any, Final

from lightning_imbalance.tables import printable

_LONGEST = 32

plain: Final[dict[str, Any]] = {"parse_math": False, "usetex": False}
"""Properties of a matplotlib text that shows what it is given: no mathematics, no TeX."""


def shown_name(name: str, longest: int = _LONGEST) -> str:
    """Return a class name as it fits beside a picture, with its beginning and its end.

    Args:
        name: Any text.
        longest: How many characters there is room for.

    Returns:
        At most so many characters, none of which starts a new line.

    Example:
        >>> shown_name("actinic keratosis and intraepithelial carcinoma")
        'actinic keratosis a…al carcinoma'
    """
    text = printable(name)
    if len(text) <= longest:
        return text
    tail = (longest - 1) * 2 // 5
    return f"{text[: longest - 1 - tail]}…{text[-tail:]}"
