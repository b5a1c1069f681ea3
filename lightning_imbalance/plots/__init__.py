"""Pictures of what imbalance does, for 2 classes and for 1,000.

Each function returns a matplotlib figure and shows nothing. matplotlib is imported when a picture is drawn; the extra
``plots`` installs it.
"""

from lightning_imbalance.plots.confusion import confusion
from lightning_imbalance.plots.counts import counts
from lightning_imbalance.plots.differences import differences
from lightning_imbalance.plots.overview import overview
from lightning_imbalance.plots.precision_recall import precision_recall
from lightning_imbalance.plots.priors import priors
from lightning_imbalance.plots.recall import recall
from lightning_imbalance.plots.recall_change import recall_change
from lightning_imbalance.plots.recall_over_epochs import recall_over_epochs
from lightning_imbalance.plots.reliability import reliability
from lightning_imbalance.plots.training_curves import training_curves

__all__ = [
    "confusion",
    "counts",
    "differences",
    "overview",
    "precision_recall",
    "priors",
    "recall",
    "recall_change",
    "recall_over_epochs",
    "reliability",
    "training_curves",
]
