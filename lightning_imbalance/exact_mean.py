"""One gradient: the weighted mean over a whole optimizer step, however it is cut into processes and micro-batches.

With S = Σ w·ℓ and D = Σ w over everything in one optimizer step, the gradient is ∇S / D. A mean that is taken on each
process and micro-batch, and then averaged, is another one: it counts a sample for more where its batch weighs less.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_imbalance.functional.reduction import weighted_mean, widest_float

_KEY = "lightning_imbalance.exact_mean"


class ExactMean(L.LightningModule):
    """Gives a LightningModule the gradient of one weighted mean over all devices and accumulated batches.

    Lightning divides the loss by the A accumulated batches, and data-parallel strategies average gradients over the R
    processes. Without accumulation D is summed over the processes, as one small tensor, and ``training_step`` returns
    R·S / D. With it, ``training_step`` returns S / K for each micro-batch, and D is added up beside it. Before the
    optimizer steps (after AMP has unscaled, before gradients are clipped) D is summed over the processes, once and as
    one small tensor, and the gradients are multiplied by R·A·K / D. K is the D of the optimizer step before divided by
    R·A, in the first step the mean D of the first batches: the same number everywhere, which keeps the loss and the
    gradients until then at the size of a mean. What callbacks see of gradients in ``on_before_optimizer_step`` is that
    size, and not yet the mean.

    With one process and no accumulation nothing of this is done: the loss is S / D.

    Take it as the base of a module, or beside another base: ``class Mine(ExactMean, TheirModule)``. Hooks of your own
    (``setup``, ``on_before_optimizer_step``, ``on_save_checkpoint``, ``on_load_checkpoint``) call ``super()``.

    Where batches are accumulated, everything that ``training_step`` returns is multiplied alike. A further term of the
    loss goes in with the denominator: ``self.exact_mean(numerator + term * denominator, denominator)``. Added outside,
    it is multiplied by the D of the step before over the D of this one, which can be far from 1 where weights differ
    much. Several calls in one step, for several heads or views of a batch, share the mean of their denominators. Every
    process calls it equally often, since it waits for the others; a step that returns ``None`` must not have called it.

    Attributes:
        exact_mean_enabled: False makes :meth:`exact_mean` the mean of the micro-batch on this process, as torch's
            losses give it.

    Example:
        >>> import torch, lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance.losses import WeightedCrossEntropy
        >>> class Mine(ExactMean):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = torch.nn.Linear(2, 2)
        ...     def training_step(self, batch, batch_idx):
        ...         inputs, target = batch
        ...         terms = WeightedCrossEntropy().terms(self.layer(inputs), target, torch.tensor([0.6, 3.0]))
        ...         return self.exact_mean(*terms.sums())
        ...     def configure_optimizers(self):
        ...         return torch.optim.SGD(self.parameters(), lr=0.1)
        >>> data = TensorDataset(torch.randn(60, 2), torch.tensor([0] * 50 + [1] * 10))
        >>> trainer = L.Trainer(max_epochs=1, accumulate_grad_batches=3, logger=False, enable_checkpointing=False,
        ...                     enable_progress_bar=False, enable_model_summary=False, accelerator="cpu")
        >>> trainer.fit(Mine(), DataLoader(data, batch_size=10, shuffle=True))  # the gradient of batches of 30
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.exact_mean_enabled = True
        self._window = Window()
        self._unfinished: dict[str, Any] | None = None
        self._warned_unused = False
        self._used = False

    def exact_mean(self, numerator: Tensor, denominator: Tensor) -> Tensor:
        """Return the loss for ``training_step`` to return, and remember the denominator.

        Outside of training, and where gradients are off, it is the mean S / D of what is given.

        Args:
            numerator: S = Σ w·ℓ of the micro-batch on this process, shape ``()``.
            denominator: D = Σ w of it, shape ``()``; 0 where nothing counts.

        Returns:
            Shape ``()``.

        Raises:
            RuntimeError: The optimizer stepped without :meth:`on_before_optimizer_step`.
            ValueError: Optimization is manual, or the strategy accumulates gradients out of reach.
        """
        if self._trainer is None or not self.exact_mean_enabled or not torch.is_grad_enabled():
            return weighted_mean(numerator, denominator)
        loss: Tensor = self._in_training_step(numerator, denominator)
        return loss

    # It looks at where the Trainer is, for which compiled code would be made anew in each step.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch gives it no types
    def _in_training_step(self, numerator: Tensor, denominator: Tensor) -> Tensor:
        trainer = self.trainer
        if not _in_step(trainer):
            return weighted_mean(numerator, denominator)
        refuse_unreachable_gradients(self)
        if trainer.world_size * trainer.accumulate_grad_batches == 1:
            return weighted_mean(numerator, denominator)
        self._used = True
        if trainer.accumulate_grad_batches == 1:
            # All of the step is here, so that D can be had before the gradients, and none needs to be rescaled.
            wide = denominator.detach().to(widest_float(denominator.device))
            mean = weighted_mean(torch.ones_like(wide), summed(wide, trainer.world_size)) * trainer.world_size
            return torch.where(mean == 0, 0, numerator * mean.to(numerator.dtype))
        if self._unfinished is not None:
            self._window.restore(self._unfinished, self, trainer.global_step)
            self._unfinished = None
        if self._window.scale is None:
            self._window.begin(denominator, trainer.world_size)
        batch = (trainer.current_epoch, trainer.fit_loop.batch_idx)
        return self._window.add(numerator, denominator, batch, trainer.global_step)

    def setup(self, stage: str) -> None:
        """Forget what a fit left that was stopped in the middle of a step."""
        super().setup(stage)
        if stage == "fit":
            self._window, self._unfinished = Window(), None

    def on_before_zero_grad(self, optimizer: Optimizer) -> None:
        """Begin a window where Lightning begins one: what was added before has no gradient any more."""
        super().on_before_zero_grad(optimizer)
        self._window.drop_earlier_batches()

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Turn the gradients of S / K into those of S / D, where batches are accumulated."""
        super().on_before_optimizer_step(optimizer)
        trainer = self.trainer
        parts = trainer.world_size * trainer.accumulate_grad_batches
        if not self.exact_mean_enabled or parts == 1:
            return
        used, self._used = self._used, False
        if not used and not self._warned_unused:
            self._warned_unused = True
            rank_zero_warn(
                "`training_step` must return `self.exact_mean(numerator, denominator)` (or the `compute_loss` of "
                f"WeightedClassifier) for one mean over {trainer.world_size} processes x "
                f"{trainer.accumulate_grad_batches} batches, got a loss of its own: the means of the batches are "
                "averaged. Pass `exact_mean=False` if that is meant."
            )
        if trainer.accumulate_grad_batches == 1:
            return
        sums = self._window.close(self.device)
        scale_gradients(optimizer, self._window.factor(summed(sums, trainer.world_size), parts))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed fit needs to go on with the same numbers."""
        super().on_save_checkpoint(checkpoint)
        alone = self._trainer is None or self.trainer.world_size == 1
        # Loaded and not yet used, where a fit is saved before its first step.
        loaded = self._unfinished
        checkpoint[_KEY] = self._window.state(self if alone else None) if loaded is None else loaded

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back, where a fit is resumed."""
        super().on_load_checkpoint(checkpoint)
        resumed = self._trainer is not None and self.trainer.state.fn == "fit"
        self._unfinished = checkpoint.get(_KEY) if resumed else None


class Window:
    """What is added up between two optimizer steps on one process."""

    def __init__(self) -> None:
        self.scale: Tensor | None = None  # K
        self._denominator: Tensor | None = None
        self._batches = 0
        self._batch: tuple[int, int] | None = None
        self._calls: list[Tensor] = []
        self._step = 0

    @property
    def is_open(self) -> bool:
        """Whether a batch has been added since the last optimizer step."""
        return bool(self._batches or self._calls)

    def begin(self, denominator: Tensor, processes: int) -> None:
        """Set K for the first step of a fit, the same on all processes: the mean D of their first batches."""
        first = summed(denominator.detach().to(widest_float(denominator.device)), processes) / processes
        self.scale = torch.where(first > 0, first, 1)

    def drop_earlier_batches(self) -> None:
        """Forget all but the batch that is being worked on."""
        self._denominator, self._batches = None, 0

    def add(self, numerator: Tensor, denominator: Tensor, batch: tuple[int, int], step: int) -> Tensor:
        """Add a denominator, and return S / K."""
        if batch != self._batch:
            self._end_batch()
            if self._batches and step != self._step:
                msg = (
                    "`on_before_optimizer_step` must be called before each optimizer step, got a step without it. Call "
                    "`super().on_before_optimizer_step(optimizer)` in your override, or turn the exact mean off: "
                    "`exact_mean=False`."
                )
                raise RuntimeError(msg)
            self._batch, self._step = batch, step
        dtype = widest_float(denominator.device)
        self._calls.append(denominator.detach().to(dtype))
        assert self.scale is not None, "`begin` comes first"  # noqa: S101  # for the type checker
        # A step of nothing has no gradient; its numerator need not be 0 (see weighted_mean).
        return torch.where(denominator == 0, 0, numerator / self.scale.to(numerator.dtype))

    def close(self, device: torch.device) -> Tensor:
        """End the window; return the denominator and the number of batches that gave one, shape ``(2,)``."""
        self._end_batch()
        dtype = widest_float(device)
        denominator = torch.zeros((), dtype=dtype, device=device) if self._denominator is None else self._denominator
        batches = torch.full((), self._batches, dtype=dtype, device=device)
        self._denominator, self._batches = None, 0
        return torch.stack([denominator.to(device), batches])

    def factor(self, sums: Tensor, parts: int) -> Tensor:
        """Return R·A·K / D from the sums over all processes, and set K for the next step.

        Args:
            sums: D and the number of batches, shape ``(2,)``.
            parts: R·A.

        Returns:
            Shape ``()``; 0 where nothing counted, 1 where no batch was given to the exact mean.
        """
        denominator, batches = sums
        scale = torch.ones_like(denominator) if self.scale is None else self.scale
        counted = denominator > 0
        self.scale = torch.where(counted, denominator / parts, scale)
        exact = torch.where(counted, parts * scale / torch.where(counted, denominator, 1), 0)
        return torch.where(batches > 0, exact, 1)

    def state(self, module: nn.Module | None) -> dict[str, Any]:
        """Return what to save, as tensors and numbers; with the gradients so far where a window is open.

        Args:
            module: Whose gradients they are; ``None`` where each process has others.
        """
        state: dict[str, Any] = {"scale": self.scale}
        if module is not None and self.is_open:
            self._end_batch()
            gradients = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
            state |= {"denominator": self._denominator, "batches": self._batches, "gradients": gradients}
        return state

    def restore(self, state: dict[str, Any], module: nn.Module, step: int) -> None:
        """Go on where :meth:`state` was taken, now at optimizer step ``step``."""
        if state["scale"] is not None:
            self.scale = state["scale"].to(next(module.parameters()).device)
        if "gradients" not in state:
            return
        self._step, self._batches, self._denominator = step, state["batches"], state["denominator"]
        for name, parameter in module.named_parameters():
            if name in state["gradients"]:
                parameter.grad = state["gradients"][name].to(parameter.device)

    def _end_batch(self) -> None:
        if self._calls:
            mean = sum(self._calls[1:], self._calls[0]) / len(self._calls)
            self._denominator = mean if self._denominator is None else self._denominator.to(mean.device) + mean
            self._batches += 1
        self._calls, self._batch = [], None


def scale_gradients(optimizer: Optimizer, factor: Tensor) -> None:
    """Multiply the gradients of an optimizer's parameters in place, without waiting for the device.

    Args:
        optimizer: Whose parameters.
        factor: Shape ``()``.

    Example:
        >>> parameter = nn.Parameter(torch.ones(2))
        >>> parameter.grad = torch.tensor([1.0, 2.0])
        >>> scale_gradients(torch.optim.SGD([parameter], lr=0.1), torch.tensor(3.0))
        >>> parameter.grad
        tensor([3., 6.])
    """
    kinds: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for gradient in _local_gradients(optimizer):
        if gradient.is_sparse:
            gradient.mul_(factor.to(gradient.device))
        else:
            kinds.setdefault((gradient.device, gradient.dtype), []).append(gradient)
    for (device, dtype), gradients in kinds.items():
        # In one kernel for all where the types are equal; half precision could not hold the factor.
        wide = dtype if dtype in (torch.float32, torch.float64) else torch.float32
        torch._foreach_mul_(gradients, factor.to(device, wide, non_blocking=True))


def summed(value: Tensor, processes: int) -> Tensor:
    """Return the sum over the processes of a Trainer; a collective, called by each of them.

    Args:
        value: What this process has. Not changed.
        processes: Over how many processes the Trainer works.

    Example:
        >>> summed(torch.tensor(3.0), processes=1)
        tensor(3.)
    """
    if processes == 1:
        return value
    total = value.clone()
    torch.distributed.all_reduce(total)
    return total


def refuse_unreachable_gradients(module: L.LightningModule) -> None:
    """Refuse what rescaling before the optimizer step cannot reach.

    Args:
        module: A module with a Trainer.

    Raises:
        ValueError: Optimization is manual, or the strategy accumulates gradients by itself.
    """
    strategy = module.trainer.strategy
    if not module.automatic_optimization:
        got = "`automatic_optimization = False`, where only your code knows which batches make a step"
    elif strategy.handles_gradient_accumulation:
        got = f"{type(strategy).__name__}, which accumulates and reduces them out of reach"
    else:
        return
    msg = (
        f"the exact mean must rescale the gradients before each optimizer step, got {got}. Pass `exact_mean=False` to "
        "train with the weighted mean of each batch on each process."
    )
    raise ValueError(msg)


def _in_step(trainer: L.Trainer) -> bool:
    """Say whether the Trainer is in a training step, and not in a hook around it, which may be one process's alone."""
    if not trainer.training:
        return False
    progress: Any = trainer.fit_loop.epoch_loop.batch_progress.current
    return bool(progress.started > progress.processed)


def _local_gradients(optimizer: Optimizer) -> Iterable[Tensor]:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is not None:
                # Of a DTensor (FSDP2, tensor parallel) this process's part, which shares its memory.
                yield gradient.to_local() if hasattr(gradient, "to_local") else gradient
