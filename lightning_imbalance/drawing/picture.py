"""A figure that pyplot does not know. Imports matplotlib: loaded by what draws, never by the package itself."""

from __future__ import annotations

import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Picture(Figure):
    """A :class:`matplotlib.figure.Figure` that a notebook shows as the value of a cell.

    A notebook shows other figures only once pyplot has been imported. Nothing here starts pyplot, so that neither the
    backend nor the figures of the program that asks for a picture change.

    Example:
        >>> Picture(figsize=(4, 3))
        <Picture size 400x300 with 0 Axes>
    """

    def as_png(self) -> bytes:
        r"""Return the picture as the content of a PNG file.

        Example:
            >>> Picture(figsize=(4, 3)).as_png()[:4]
            b'\x89PNG'
        """
        file = io.BytesIO()
        FigureCanvasAgg(self).print_png(file)  # type: ignore[no-untyped-call]
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self.as_png()
