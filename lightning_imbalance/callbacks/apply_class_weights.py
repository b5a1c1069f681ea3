"""The callback that weights the criterion of a module that somebody else wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from lightning_imbalance.callbacks.weight_slot import WeightSlot, find_slot
from lightning_imbalance.checks import check_task
from lightning_imbalance.class_state import ClassState
from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.losses import WeightedBCE, WeightedCrossEntropy
from lightning_imbalance.sampled_classes import sampled_classes
from lightning_imbalance.training_data import agreed, from_trainer
from lightning_imbalance.two_corrections import warn_of_sampler_and_weights
from lightning_imbalance.weighting import Weighting, as_scheme, check_weighting, class_weights, described

# Their targets are class indices.
_WITH_INDICES = (nn.CrossEntropyLoss, nn.NLLLoss)


class ApplyClassWeights(L.Callback):
    """Gives class weights to the criterion of any LightningModule, without a subclass of it.

    Filled are ``weight`` of :class:`torch.nn.CrossEntropyLoss` and :class:`torch.nn.NLLLoss`, ``pos_weight`` of
    :class:`torch.nn.BCEWithLogitsLoss` (``binary``: weight of positives / weight of negatives, shape ``(1,)``;
    ``multilabel``: shape ``(C,)``), or a tensor of the module that its own loss reads. What was a tensor keeps its
    shape, type and device: ``pos_weight=torch.ones(C, 1, 1)`` is for dense ``multilabel`` logits, whose ``(C,)`` torch
    would take for columns.

    The weights are a buffer, so they move with the module; the module's state dict has the same keys with and without
    this callback, and checkpoints of either load strictly into the other. The weights are kept in the callback's own
    state: a resumed fit, and ``test`` or ``validate`` with ``ckpt_path``, take those of the checkpoint.

    The mean stays the criterion's own. ``reduction="mean"`` is taken on each device and micro-batch, so that several
    devices or accumulated batches give another gradient than one device with all the samples, and
    ``BCEWithLogitsLoss`` divides by the number of targets instead of their weights. For one weighted mean see
    :class:`~lightning_imbalance.losses.WeightedCrossEntropy` and
    :class:`~lightning_imbalance.exact_mean.ExactMean`.

    Args:
        criterion: Name of the criterion in the module, or of the tensor, as it is there when ``setup`` begins:
            ``"criterion"``, ``"model.criterion"``, ``"class_weights"``. By default the only criterion of the kinds
            above.
        weighting: As in :func:`~lightning_imbalance.class_weights`.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``. By default ``"multiclass"``; for
            ``BCEWithLogitsLoss`` the module's ``task``, and without one it must be given.
        num_classes: Number of classes; by default that of the numbers in ``weighting``, of the tensor that is there,
            else what the training data say.
        class_names: One name a class; by default what the training data say.
        ignore_index: Targets of this value are not counted; by default the criterion's.
        distribution: The classes to weight by, where the training data cannot be counted. It says all that the four
            arguments above say.
        replace: Replace weights that the criterion has; they are an error otherwise, except where all are 1.

    Attributes:
        distribution: What was counted in ``setup("fit")``, or given; ``None`` before.
        weights: The class weights in force, shape ``(C,)``, float32 on the CPU (``binary``: negative, positive);
            ``None`` before.

    Raises:
        TypeError: An argument has the wrong type. In ``setup``: the name leads to something else than weights, the
            module is a WeightedClassifier, or the data have no class labels.
        ValueError: An argument has a value that cannot work. In ``setup``: there is no such criterion, it has weights
            already, or the labels do not fit it.

    Example:
        >>> import torch
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> class Theirs(L.LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer, self.criterion = nn.Linear(4, 2), nn.CrossEntropyLoss()
        ...     def training_step(self, batch, batch_idx):
        ...         return self.criterion(self.layer(batch[0]), batch[1])
        ...     def configure_optimizers(self):
        ...         return torch.optim.SGD(self.parameters(), lr=0.1)
        >>> data = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
        >>> trainer = L.Trainer(callbacks=[ApplyClassWeights("criterion")], max_epochs=1, logger=False,
        ...                     enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        ...                     accelerator="cpu")
        >>> trainer.fit(module := Theirs(), DataLoader(data, batch_size=20, shuffle=True))
        >>> module.criterion.weight
        tensor([0.6000, 3.0000])
    """

    def __init__(
        self,
        criterion: str | None = None,
        *,
        weighting: Weighting = "balanced",
        task: Task | None = None,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        ignore_index: int | None = None,
        distribution: ClassDistribution | None = None,
        replace: bool = False,
    ) -> None:
        if criterion is not None and not isinstance(criterion, str):
            msg = f"`criterion` must be the name of an attribute of the module, got {type(criterion).__name__}."
            raise TypeError(msg)
        if task is not None:
            check_task(task)
        if distribution is not None:
            if not isinstance(distribution, ClassDistribution):
                msg = f"`distribution` must be a ClassDistribution, got {type(distribution).__name__}."
                raise TypeError(msg)
            said = {"task": task, "num_classes": num_classes, "class_names": class_names, "ignore_index": ignore_index}
            for name, value in said.items():
                if value is not None:
                    msg = f"`{name}` must be left out with `distribution`, which says it, got {value!r}."
                    raise ValueError(msg)
            check_weighting(weighting, distribution.num_classes, distribution.class_names, distribution.task)
        else:
            # Of the three, multilabel asks the least of numbers; the task may be known only with the module.
            num_classes = check_weighting(weighting, num_classes, class_names, task or "multilabel")
        self.criterion = criterion
        self.weighting = as_scheme(weighting)
        self.task = task
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.replace = replace
        self.distribution = distribution
        self.weights: Tensor | None = None
        self._given = distribution
        self._given_names = class_names
        self._slot: WeightSlot | None = None
        self._fitting = False
        self._sampling: Tensor | None = None
        self._corrected_twice = False

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """One name a class, ``None`` while unknown."""
        return None if self.distribution is None else self.distribution.class_names

    @property
    def state_key(self) -> str:
        """A key of its own for each criterion, so that a Trainer can have several of these callbacks."""
        return self._generate_state_key(criterion=self.criterion)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Count the training classes and fill the weights; a checkpoint that is restored afterwards wins."""
        self._fitting = stage == "fit"
        self._sampling, self._corrected_twice = None, False
        slot = self._slot = self._found(pl_module)
        others = [callback for callback in trainer.callbacks if isinstance(callback, ApplyClassWeights)]  # type: ignore[attr-defined]  # Lightning adds it
        if any(other is not self and other._slot == slot for other in others):  # noqa: SLF001  # of the same class
            msg = f"each ApplyClassWeights must have a criterion of its own, got two for `{slot.path}`. Leave one out."
            raise ValueError(msg)
        if self._fitting or (self.weights is None and self._given is not None):
            task = self._task_of(slot, pl_module)
            self.distribution = agreed(self._given or self._counted(trainer, slot, task), trainer)
            self.weights = class_weights(self.distribution, self.weighting)
        if self.weights is not None:
            self.reweight(self.weights)

    def reweight(self, weights: Tensor) -> None:
        """Put other class weights in force, in a fit that is under way.

        Args:
            weights: Shape ``(C,)``; ``binary``: negative, positive.

        Raises:
            RuntimeError: No Trainer has set the callback up.
            ValueError: There are too many or too few, or negatives would count nothing.
        """
        if self._slot is None or self.distribution is None:
            msg = "a Trainer must have set the callback up before weights are changed, got one that none has."
            raise RuntimeError(msg)
        held = weights
        if self._slot.is_pos_weight and self.distribution.task == "binary":
            if weights[0] == 0:
                msg = (
                    "the weighting must give the negative class a weight above 0, since `pos_weight` is the positive's "
                    f"divided by it, got {weights.tolist()}."
                )
                raise ValueError(msg)
            held = (weights[1] / weights[0]).view(1)
        self._slot.fill(held)
        self.weights = weights.detach().cpu()
        self._look_at_both()

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fill again: the module's own ``setup`` may have made another criterion, a checkpoint other weights."""
        del trainer
        self._slot = self._found(pl_module)
        assert self.weights is not None, "setup has filled them"  # noqa: S101  # for the type checker
        self.reweight(self.weights)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """See how often the training dataloader draws each class, and say where that corrects a second time."""
        del pl_module
        assert self.distribution is not None, "setup has counted"  # noqa: S101  # for the type checker
        self._sampling = sampled_classes(trainer.train_dataloader, self.distribution)
        self._look_at_both()

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Let the module go; its weights stay."""
        del trainer, pl_module, stage
        self._slot = None

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, the distribution and the weighting's name."""
        if self.weights is None or self.distribution is None:
            return {}
        return {
            "weights": self.weights.clone(),
            "distribution": self.distribution.to_dict(),
            "weighting": described(self.weighting),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the checkpoint's weights, and say where they are not those of the data or the arguments."""
        trained_on = ClassDistribution.from_dict(state_dict["distribution"])
        if self._fitting and self.distribution not in (None, trained_on):
            assert self.distribution is not None, "it is not among them"  # noqa: S101  # for the type checker
            rank_zero_warn(
                "the training data must be those of the checkpoint for the same weights, got others: it was trained on "
                f"{trained_on.summary()}, and now there are {self.distribution.summary()}. The checkpoint's weights "
                "are kept; fit without `ckpt_path` for those of the new data."
            )
        mine = described(self.weighting)
        if state_dict["weighting"] != mine:
            rank_zero_warn(
                f"`weighting` must be that of the checkpoint, {state_dict['weighting']}, got {mine}. The checkpoint's "
                "weights are kept; a new fit would use its own."
            )
        self.distribution, self.weights = trained_on, state_dict["weights"]
        if self._slot is not None:
            self.reweight(state_dict["weights"])

    def _look_at_both(self) -> None:
        if self._sampling is None or self._corrected_twice:
            return
        assert self.distribution is not None, "setup has counted"  # noqa: S101  # for the type checker
        assert self.weights is not None, "setup has filled them"  # noqa: S101  # for the type checker
        loss = WeightedBCE() if self.distribution.task == "binary" else WeightedCrossEntropy()
        self._corrected_twice = warn_of_sampler_and_weights(loss, self.distribution, self.weights, self._sampling)

    def _found(self, pl_module: L.LightningModule) -> WeightSlot:
        if isinstance(pl_module, ClassState):
            msg = (
                "the module must have a criterion that does not weight by class yet, got "
                f"{type(pl_module).__name__}, which does. Pass `weighting=...` to it and leave the callback out."
            )
            raise TypeError(msg)
        slot = find_slot(pl_module, self.criterion)
        if slot.is_taken and not self.replace:
            assert slot.value is not None, "what is taken holds something"  # noqa: S101  # for the type checker
            shown = slot.value.flatten()[:10].tolist()
            msg = (
                f"`{slot.path}` must be None or all 1 before it is filled, got {shown}. Pass "
                "`ApplyClassWeights(..., replace=True)` to train with others."
            )
            raise ValueError(msg)
        return slot

    def _task_of(self, slot: WeightSlot, pl_module: L.LightningModule) -> Task:
        task = self._given.task if self._given is not None else self.task
        kind = type(slot.owner).__name__
        if slot.is_pos_weight:
            if task is None:
                task = getattr(pl_module, "task", None)
            if task not in ("binary", "multilabel"):
                msg = (
                    f"`task` must be 'binary' or 'multilabel' for {kind} (one yes-or-no question, or several labels), "
                    f"got {task!r}."
                )
                raise ValueError(msg)
            return task
        if isinstance(slot.owner, _WITH_INDICES) and task not in (None, "multiclass"):
            msg = f"`task` must be 'multiclass' for {kind}, got {task!r}."
            raise ValueError(msg)
        return task or "multiclass"

    def _counted(self, trainer: L.Trainer, slot: WeightSlot, task: Task) -> ClassDistribution:
        own = getattr(slot.owner, "ignore_index", None) if isinstance(slot.owner, _WITH_INDICES) else None
        if own is not None and self.ignore_index not in (None, own):
            kind = type(slot.owner).__name__
            msg = f"`ignore_index` must be {own}, that of the {kind}, got {self.ignore_index}. Leave it out."
            raise ValueError(msg)
        ignored = self.ignore_index if own is None else own
        num_classes = self.num_classes
        if num_classes is None and self._given_names is None and slot.value is not None and task != "binary":
            num_classes = slot.value.numel()
        try:
            return from_trainer(trainer, num_classes, self._given_names, task, ignored)
        except (TypeError, ValueError) as error:
            # What it proposes is an override, and the point here is a module that cannot be changed.
            msg = f"{error} ApplyClassWeights also takes what you counted: `distribution=ClassDistribution(...)`."
            raise (TypeError if isinstance(error, TypeError) else ValueError)(msg) from error
