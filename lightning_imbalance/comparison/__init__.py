"""Which remedy helps on these data? Trains them side by side, and answers with intervals."""

from lightning_imbalance.comparison.comparing import compare
from lightning_imbalance.comparison.remedies import Remedy
from lightning_imbalance.comparison.result import Comparison

__all__ = ["Comparison", "Remedy", "compare"]
