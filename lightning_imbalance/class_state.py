"""What a model knows of its classes, in buffers and in its checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_imbalance.checks import check_num_classes
from lightning_imbalance.configuration import loggable
from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution

if TYPE_CHECKING:
    from typing_extensions import Self

OnChangedData = Literal["keep", "recompute", "error"]

KEY = "lightning_imbalance"

# Arguments that may be mappings by class name.
BY_CLASS = ("weighting", "target_prior")


class ClassState(L.LightningModule):
    """Holds counts and weights of the classes as buffers that exist from ``__init__`` on.

    A checkpoint is restored after ``setup`` has counted the training data. Where both differ, ``on_changed_data``
    decides whose weights the fit goes on with.

    Args:
        num_classes: Number of classes, ``None`` while unknown: the buffers are then empty, and take their size from the
            data or from the checkpoint.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        class_names: One name a class, where given.
        on_changed_data: ``"keep"`` the checkpoint's weights and warn, ``"recompute"`` them from the new data, or
            ``"error"``.

    Attributes:
        sampling: Share of each class in the batches, shape ``(C,)``, float64, where a sampler changed it.
        needs_weights: Whether the loss must be given the weights: False while all of them are 1.

    Raises:
        ValueError: ``on_changed_data`` is none of the three.
    """

    class_weights: Tensor
    class_counts: Tensor

    def __init__(
        self,
        num_classes: int | None,
        task: Task,
        class_names: tuple[str, ...] | None,
        on_changed_data: OnChangedData = "keep",
    ) -> None:
        super().__init__()
        if on_changed_data not in get_args(OnChangedData):
            msg = f"`on_changed_data` must be 'keep', 'recompute' or 'error', got {on_changed_data!r}."
            raise ValueError(msg)
        self.task: Task = task
        self.on_changed_data: OnChangedData = on_changed_data
        self.class_names = class_names
        self.distribution: ClassDistribution | None = None
        self.sampling: Tensor | None = None
        self.needs_weights = False
        self.register_buffer("class_weights", torch.ones(num_classes or 0))
        self.register_buffer("class_counts", torch.zeros(num_classes or 0, dtype=torch.int64))

    @property
    def num_classes(self) -> int | None:
        """Number of classes, ``None`` while neither an argument nor the data have said it."""
        return len(self.class_weights) or None

    @num_classes.setter
    def num_classes(self, value: int) -> None:
        known = check_num_classes(value, self.task)
        if self.num_classes is None and known is not None:
            self.class_weights, self.class_counts = torch.ones(known), torch.zeros(known, dtype=torch.int64)
        elif known != self.num_classes:
            way_out = "Give it to `super().__init__(num_classes=...)`."
            msg = f"`num_classes` must stay {self.num_classes}, got {value}. {way_out}"
            raise ValueError(msg)

    @property
    def hparams_initial(self) -> Any:
        """Hyper-parameters as Lightning gives them to the loggers; those of checkpoints are in ``hparams``."""
        given = super().hparams_initial
        given.update({name: value for name, value in loggable(given).items() if name in BY_CLASS})
        return given

    def counted_buffers(self) -> list[str]:
        """Return the names of the buffers that follow from the counts of the training data."""
        return ["class_weights", "class_counts"]

    def adopt(self, distribution: ClassDistribution) -> None:
        """Take a distribution as the one that is trained on."""
        if distribution.task != self.task:
            msg = f"the class distribution must be for `task={self.task!r}`, got one for {distribution.task!r}."
            raise ValueError(msg)
        self.distribution = distribution
        self.class_names = distribution.class_names

    def fill(self, distribution: ClassDistribution, weights: Tensor) -> None:
        """Write counts and weights into the buffers, which stay on their device."""
        self.needs_weights = bool((weights != 1).any())
        self.class_weights = weights.to(self.class_weights.device)
        self.class_counts = distribution.counts.to(self.class_counts.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the class distribution beside the weights."""
        super().on_save_checkpoint(checkpoint)
        counted = None if self.distribution is None else self.distribution.to_dict()
        known = checkpoint.setdefault(KEY, {})
        known["class_distribution"] = counted
        known["sampling"] = None if self.sampling is None else self.sampling.tolist()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the class distribution back, and with it the names."""
        super().on_load_checkpoint(checkpoint)
        known = checkpoint.get(KEY, {})
        saved, sampling = known.get("class_distribution"), known.get("sampling")
        self.sampling = None if sampling is None else torch.tensor(sampling, dtype=torch.float64)
        if saved is None:
            return
        trained_on = ClassDistribution.from_dict(saved)
        resumed = self._trainer is not None and self.trainer.state.fn == "fit"
        # setup() has counted the data of this fit already; the state dict is read after this hook.
        if resumed and self.distribution not in (None, trained_on) and self._recomputed(trained_on):
            mine = self.state_dict()
            checkpoint["state_dict"].update({name: mine[name] for name in self.counted_buffers()})
            return
        self.adopt(trained_on)

    def _recomputed(self, trained_on: ClassDistribution) -> bool:
        counted = self.distribution
        assert counted is not None, "setup() has counted"  # noqa: S101  # for the type checker
        changed = (
            f"the training data must be those of the checkpoint for the same weights, got others: it was trained on "
            f"{trained_on.summary()}, and now there are {counted.summary()}."
        )
        if self.on_changed_data == "error":
            way_out = 'Resume with the data it was trained on, or pass `on_changed_data="keep"` or `"recompute"`.'
            msg = f"{changed} {way_out}"
            raise ValueError(msg)
        if counted.num_classes != trained_on.num_classes:
            msg = f"{changed} A model keeps its {trained_on.num_classes} classes: fit a new one."
            raise ValueError(msg)
        if self.on_changed_data == "recompute":
            return True
        rank_zero_warn(
            f'{changed} The checkpoint\'s weights are kept; `on_changed_data="recompute"` takes those of the new data.'
        )
        return False

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:  # noqa: FBT001, FBT002  # torch's
        weights = self.class_weights
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch gives it no types
        if self.class_weights.dtype in (torch.float16, torch.bfloat16):
            # Weights of rare classes differ by more than half precision holds.
            self.class_weights = weights.to(self.class_weights.device)
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name in ("class_weights", "class_counts"):
            key, buffer = prefix + name, getattr(self, name)
            if key not in state_dict:  # a checkpoint of the same network, trained without this package
                state_dict[key] = buffer
            elif buffer.numel() == 0:
                setattr(self, name, buffer.new_empty(state_dict[key].shape))
        # Asked here and in `fill`, not in a step, which would wait for the device.
        self.needs_weights = bool((state_dict[prefix + "class_weights"] != 1).any())
        super()._load_from_state_dict(state_dict, prefix, *args)
