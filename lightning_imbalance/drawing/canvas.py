"""Where a picture begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_imbalance.drawing.picture import Picture


def require_matplotlib(what: str) -> None:
    """Refuse to go on without matplotlib.

    Args:
        what: Who needs it, for the message.

    Raises:
        ModuleNotFoundError: It is not installed; the message says what to install.

    Example:
        >>> require_matplotlib("plots.counts")
    """
    try:
        import matplotlib.figure  # noqa: F401  # find_spec would not notice one that cannot be imported
    except ModuleNotFoundError as error:
        msg = (
            f"`{what}` must have matplotlib, which draws it, and it is not installed. "
            'Run: pip install "lightning-imbalance[plots]"'
        )
        raise ModuleNotFoundError(msg, name=error.name) from error


def new_picture(width: float, height: float, what: str) -> Picture:
    """Begin a figure that nothing shows and that pyplot does not know.

    Args:
        width: In inches.
        height: In inches.
        what: Who draws, for the message without matplotlib.

    Returns:
        An empty figure, which makes room for its texts.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.

    Example:
        >>> new_picture(4, 3, "plots.counts")
        <Picture size 400x300 with 0 Axes>
    """
    require_matplotlib(what)
    from lightning_imbalance.drawing.picture import Picture

    return Picture(figsize=(width, height), layout="constrained")
