"""Losses of an epoch, summed while it runs and divided once at its end."""

from __future__ import annotations

import lightning as L
import torch
from torch import Tensor

from lightning_imbalance.functional.reduction import weighted_mean, widest_float
from lightning_imbalance.gathering import gathered
from lightning_imbalance.metrics.weighted_mean import WeightedMean


class EpochMeans:
    """Weighted means by name, over the batches and processes of an epoch.

    Not an ``nn.Module``: the means are bookkeeping, and no line of a model summary.

    Example:
        >>> import torch
        >>> means = EpochMeans()
        >>> means.add("val_loss", torch.tensor(7.0), torch.tensor(4.0))
        >>> means.pop("val_")
        {'val_loss': tensor(1.7500, dtype=torch.float64)}
    """

    def __init__(self) -> None:
        self._means: dict[str, WeightedMean] = {}

    # torchmetrics counts its updates, for each of which compiled code would be made anew.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch gives it no types
    def add(self, name: str, numerator: Tensor, denominator: Tensor) -> None:
        """Add a batch's Σ w·ℓ and Σ w, both of shape ``()``, to the mean of that name."""
        if name not in self._means:
            self._means[name] = WeightedMean(widest_float(numerator.device)).to(numerator.device)
        self._means[name].update(numerator.detach(), denominator.detach())

    def pop(self, prefix: str, device: torch.device | None = None, processes: int = 1) -> dict[str, Tensor]:
        """Return the means whose names begin with ``prefix``, summed over processes, and forget them.

        A collective, called by each process. One that has seen no batch adds nothing, and does not keep the others
        waiting.

        Args:
            prefix: Beginning of the names.
            device: Where the sums of a process that has seen no batch are made.
            processes: Over how many processes the Trainer works.
        """
        own = [name for name in self._means if name.startswith(prefix)]
        names = sorted(set().union(*gathered(own, processes)))
        for name in names:
            nothing = torch.zeros((), device=device)
            self.add(name, nothing, nothing)
        return {name: self._means.pop(name).compute() for name in names}


# It looks at the Trainer's counter, for which compiled code would be made anew in each step.
@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch gives it no types
def log_step(module: L.LightningModule, every: int, numerator: Tensor, denominator: Tensor) -> None:
    """Log ``train_loss_step``, the mean of a batch, in steps in which loggers are due.

    Args:
        module: The module, in its ``training_step``.
        every: The Trainer's ``log_every_n_steps``; 0 for never.
        numerator: Sum of the weighted losses, shape ``()``.
        denominator: Sum of the weights, shape ``()``.

    Example:
        >>> log_step(L.LightningModule(), 0, torch.tensor(3.0), torch.tensor(2.0))
    """
    # The loggers count optimizer steps over all epochs.
    if every and (module.trainer.global_step + 1) % every == 0:
        module.log("train_loss_step", weighted_mean(numerator, denominator), prog_bar=True)
