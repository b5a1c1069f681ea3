"""More samples of the rare classes: made of two others, of one, or of noise. For training alone."""

from lightning_imbalance.synthesis.wanted_counts import wanted_counts

__all__ = ["wanted_counts"]
