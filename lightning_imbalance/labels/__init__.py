"""Which labels does this data have? Answered without opening a sample wherever that is possible.

Nothing here knows of distributions, weights or Lightning; a datamodule is anything with a ``train_dataloader()``.

Example:
    >>> import torch
    >>> from torch.utils.data import Subset, TensorDataset
    >>> dataset = TensorDataset(torch.zeros(4, 2), torch.tensor([0, 1, 1, 2]))
    >>> read(Subset(dataset, [3, 0])).values
    tensor([2, 0])
"""

from lightning_imbalance.labels.arrays import as_labels
from lightning_imbalance.labels.batch import unpack_batch
from lightning_imbalance.labels.datamodule import names_of, training_loader
from lightning_imbalance.labels.reading import read
from lightning_imbalance.labels.registry import register
from lightning_imbalance.labels.streaming import stream
from lightning_imbalance.labels.value import Labels, Stream

__all__ = ["Labels", "Stream", "as_labels", "names_of", "read", "register", "stream", "training_loader", "unpack_batch"]
