"""The range of the training data: what a network sees instead, and how its outputs become data again."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class DataRange(nn.Module):
    """Scales data for a network, and its outputs back into the data's own range.

    Images: each channel runs from -1 to 1 between its smallest and its largest value in the training data. Tables: each
    column gets mean 0 and standard deviation 1. Back, no value leaves the range that the training data have, and a
    channel or column that held whole numbers alone holds whole numbers again, the nearest: pixels from 0 to 255, ages,
    0 and 1. A category coded as one whole number becomes a valid code, between codes that have nothing to do with each
    other; as columns of 0 and 1 it may become none of them, or two.

    Args:
        shape: ``(channels, 1, 1)`` for images, ``(num_features,)`` for tables.

    Attributes:
        low: Buffer, smallest value in the training data, shape as above, float32.
        high: Buffer, the largest.
        centre: Buffer, what becomes 0.
        unit: Buffer, what becomes 1.
        whole: Buffer, bool: all values were whole numbers.

    Example:
        >>> ages = DataRange((1,))
        >>> ages.measure([torch.tensor([[20], [30]]), torch.tensor([[70]])])
        >>> ages.to_data(torch.tensor([[0.02], [5.0]]))
        tensor([[40.],
                [70.]])
    """

    low: Tensor
    high: Tensor
    centre: Tensor
    unit: Tensor
    whole: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        for name, value in (("low", -1.0), ("high", 1.0), ("centre", 0.0), ("unit", 1.0)):
            self.register_buffer(name, torch.full(shape, value))
        self.register_buffer("whole", torch.zeros(shape, dtype=torch.bool))

    def measure(self, batches: Iterable[Tensor]) -> None:
        """Fill the buffers from all training data.

        Args:
            batches: Inputs, shape ``(N, channels, H, W)`` or ``(N, num_features)``.

        Raises:
            ValueError: A value is NaN or infinite, or there is none.
        """
        size, images = len(self.low), self.low.ndim == 3
        low, high = torch.full((size,), torch.inf, dtype=torch.float64), torch.full((size,), -torch.inf).double()
        # Welford's update, batch by batch: a sum of squares loses the deviation of a column around a million.
        count, mean, squares = 0, torch.zeros(size).double(), torch.zeros(size).double()
        whole = torch.ones(size, dtype=torch.bool)
        for batch in batches:
            values = batch.detach().cpu().double().movedim(1, 0).flatten(1)
            bad = ~values.isfinite().all(1)
            if bad.any():
                index = int(bad.int().argmax())
                kind = "channel" if images else "column"
                got = values[index][~values[index].isfinite()][0].item()
                msg = f"the training data must be finite for a generator, got {got} in {kind} {index}."
                raise ValueError(msg)
            low, high = torch.minimum(low, values.amin(1)), torch.maximum(high, values.amax(1))
            whole &= (values == values.round()).all(1)
            seen, change = values.shape[1], values.mean(1) - mean
            squares += (values - values.mean(1, keepdim=True)).square().sum(1)
            squares += change.square() * count * seen / (count + seen)
            count += seen
            mean += change * seen / count
        if not count:
            msg = "there must be training data for a generator, got none."
            raise ValueError(msg)
        centre, unit = ((low + high) / 2, (high - low) / 2) if images else (mean, (squares / count).sqrt())
        unit = torch.where(unit > 0, unit, 1.0)  # a constant column
        measured = {"low": low, "high": high, "centre": centre, "unit": unit, "whole": whole}
        for name, value in measured.items():
            getattr(self, name).copy_(value.view(self.low.shape))

    def to_network(self, inputs: Tensor) -> Tensor:
        """Return data as the network sees them, float32 or what the buffers are."""
        return (inputs.to(self.centre.dtype) - self.centre) / self.unit

    def to_data(self, outputs: Tensor) -> Tensor:
        """Return what a network made in the range of the data."""
        values = (outputs * self.unit + self.centre).clamp(self.low, self.high)
        return torch.where(self.whole, values.round(), values)
