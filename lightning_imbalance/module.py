"""The LightningModule that counts the classes of its training data and weights its loss by them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lightning_imbalance.class_state import KEY, ClassState, OnChangedData
from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.epoch_means import EpochMeans
from lightning_imbalance.exact_mean import ExactMean, refuse_unreachable_gradients
from lightning_imbalance.functional.logits import align, check_target_range, probabilities, squeeze_binary
from lightning_imbalance.functional.reduction import Terms, weighted_mean, widest_float
from lightning_imbalance.labels import unpack_batch
from lightning_imbalance.labels.batch import inputs_without_target
from lightning_imbalance.losses.resolve import LossLike, resolve
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.own_samples import own_entries, own_samples
from lightning_imbalance.training_data import agreed, from_trainer
from lightning_imbalance.weighting import (
    Weighting,
    as_hyperparameter,
    as_scheme,
    check_weighting,
    class_weights,
    described,
)


class WeightedClassifier(ExactMean, ClassState):
    """Trains any network with a loss weighted by class; classes, counts and weights come from the data.

    Use it as it is with a network that maps inputs to logits, or subclass it and define ``forward``. One noun at a
    time can be overridden: :meth:`class_distribution`, :meth:`unpack_batch`, :meth:`compute_loss`,
    ``configure_optimizers``.

    Args:
        model: Maps a batch of inputs to logits: ``(N, C, ...)``, or for ``binary`` ``(N,)`` or ``(N, 1)``. Not needed
            where a subclass defines ``forward``.
        num_classes: Number of classes; by default what the training data say.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        weighting: What :func:`~lightning_imbalance.class_weights` takes: a name, numbers, a mapping from class name
            to number, or a callable.
        loss: ``"cross_entropy"`` (of the task: softmax or sigmoid), ``"bce"``, a loss of this package, a ``torch.nn``
            loss, or a function of logits and target that gives one value a target.
        optimizer: Builds the optimizer from the parameters; by default AdamW with its learning rate of 0.001.
        lr_scheduler: Builds the scheduler from the optimizer. It steps once an epoch; ``ReduceLROnPlateau`` watches
            ``val_loss``.
        class_names: One name a class; by default what the training data say.
        ignore_index: Targets of this value count nothing, in the counts and in the loss.
        exact_mean: Take the weighted mean over all devices and accumulated batches of an optimizer step, see
            :class:`~lightning_imbalance.exact_mean.ExactMean`. ``False`` takes it on each device and batch, as torch's
            losses do. Without effect on one device that accumulates nothing.
        on_changed_data: What a resumed fit does when its data have other counts than the checkpoint: ``"keep"`` the
            checkpoint's weights and warn, ``"recompute"`` them, or ``"error"``.

    Attributes:
        class_weights: Buffer, shape ``(C,)``, float32. Filled in ``setup("fit")``, kept in the checkpoint; 1 before,
            and of length 0 while ``num_classes`` is unknown.
        class_counts: Buffer, shape ``(C,)``, int64, 0 before ``setup("fit")``.
        distribution: The :class:`~lightning_imbalance.ClassDistribution` trained on, ``None`` before.
        class_names: Names of the classes, ``None`` while unknown.
        posthoc: Functions of the logits that :meth:`predict_step` applies in order, and nothing else does: training and
            evaluation see the model as it is. Callbacks such as
            :class:`~lightning_imbalance.callbacks.TemperatureScaling` put theirs here while ``trainer.predict`` runs.

    Logged: ``train_loss``, ``val_loss``, ``test_loss`` (weighted means over all samples of the epoch),
    ``val_loss_unweighted``, ``test_loss_unweighted``, and ``train_loss_step`` whenever loggers are due.

    Raises:
        TypeError: There is neither ``model`` nor ``forward``, or an argument has the wrong type.
        ValueError: An argument has a value that cannot work.

    Example:
        >>> import lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> data = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
        >>> model = WeightedClassifier(nn.Linear(4, 2))
        >>> trainer = L.Trainer(max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        ...                     enable_model_summary=False, accelerator="cpu")
        >>> trainer.fit(model, DataLoader(data, batch_size=20, shuffle=True))
        >>> model.class_weights
        tensor([0.6000, 3.0000])
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        num_classes: int | None = None,
        *,
        task: Task = "multiclass",
        weighting: Weighting = "balanced",
        loss: LossLike = "cross_entropy",
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] = AdamW,
        lr_scheduler: Callable[[Optimizer], LRScheduler | ReduceLROnPlateau] | None = None,
        class_names: Sequence[str] | None = None,
        ignore_index: int | None = None,
        exact_mean: bool = True,
        on_changed_data: OnChangedData = "keep",
    ) -> None:
        num_classes = check_weighting(weighting, num_classes, class_names, task)
        if class_names is not None:
            # numpy's strings are strings, except to torch.load(weights_only=True).
            class_names = tuple(map(str, class_names))
        super().__init__(num_classes, task, class_names, on_changed_data)
        if model is None and type(self).forward is WeightedClassifier.forward:
            msg = (
                "`model` must be given, a torch.nn.Module that maps inputs to logits (or `forward` defined in a "
                "subclass), got None. A checkpoint does not hold the model: pass it again, "
                "`load_from_checkpoint(path, model=...)`."
            )
            raise TypeError(msg)
        if model is not None and not isinstance(model, nn.Module):
            msg = (
                f"`model` must be a torch.nn.Module that maps inputs to logits, got {type(model).__name__}: {model!r}."
            )
            raise TypeError(msg)
        for name, factory in (("optimizer", optimizer), ("lr_scheduler", lr_scheduler)):
            if not callable(factory) and not (name == "lr_scheduler" and factory is None):
                takes = "the parameters" if name == "optimizer" else "the optimizer"
                msg = f"`{name}` must be a function of {takes}, for example a class or a partial, got {factory!r}."
                raise TypeError(msg)
        weighting = as_hyperparameter(weighting)
        self.model = model
        self.weighting = as_scheme(weighting)
        self.exact_mean_enabled = exact_mean
        self.posthoc: list[Callable[[Tensor], Tensor]] = []
        try:
            ignore_index = None if ignore_index is None else operator.index(ignore_index)
        except TypeError:
            msg = f"`ignore_index` must be an integer or None, got {ignore_index!r}."
            raise TypeError(msg) from None
        self._loss = resolve(loss, task, ignore_index)
        self.ignore_index = ignore_index = self._loss.ignore_index
        # Apart from `class_names`, which a fit takes from the data: the next fit may have data of other names.
        self._given_names = class_names
        self._build_optimizer = optimizer
        self._build_lr_scheduler = lr_scheduler
        self._means = EpochMeans()
        self._targets_checked = False
        self._log_every = 0
        self._recorded: Tensor | None = None
        self._own_loss = type(self).compute_loss is not WeightedClassifier.compute_loss
        if type(self).__init__ is WeightedClassifier.__init__:
            # A subclass with arguments of its own saves those; ours would come back to it as unknown arguments.
            unsaved = ["model", "optimizer", "lr_scheduler"]
            unsaved += ["weighting"] if callable(weighting) else []
            unsaved += [] if isinstance(loss, str) else ["loss"]
            self.save_hyperparameters(ignore=unsaved)

    def forward(self, inputs: Any) -> Tensor:
        """Return the logits of a batch of inputs."""
        assert self.model is not None, "the constructor refuses a missing model"  # noqa: S101  # for the type checker
        logits: Tensor = self.model(inputs)
        return logits

    def transform_logits(self, logits: Tensor) -> Tensor:
        """Return the logits that predictions are made of: :attr:`posthoc` applied in order.

        Args:
            logits: ``(N, C, ...)``; ``binary``: ``(N, ...)``.

        Returns:
            Shape of the logits.
        """
        for transform in self.posthoc:
            logits = transform(logits)
        return logits

    def class_distribution(self) -> ClassDistribution:
        """Return the classes to weight by; override it where the data cannot be counted.

        Called in ``setup("fit")``, when the datamodule is set up. By default the labels of ``fit``'s datamodule or
        dataloader are counted.

        Returns:
            The distribution.

        Raises:
            RuntimeError: There is no Trainer.
            TypeError: The data have no class labels.
            ValueError: The labels do not fit the arguments.
        """
        return from_trainer(self.trainer, self.num_classes, self._given_names, self.task, self.ignore_index)

    def unpack_batch(self, batch: Any) -> tuple[Any, Tensor]:
        """Return inputs and targets of a batch; override it for batches of another form.

        Args:
            batch: What the dataloader gives: a pair, or a mapping with the usual keys.

        Returns:
            Inputs and targets.

        Raises:
            TypeError: The batch has another form.
        """
        inputs, target = unpack_batch(batch)
        return inputs, target

    def compute_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the weighted mean loss of a batch; a ``training_step`` of one's own calls this.

        Args:
            logits: ``(N, C, ...)``; ``binary``: ``(N, ...)`` or ``(N, 1, ...)``.
            target: Class indices ``(N, ...)``, or of the logits' shape: class probabilities, or 0 and 1.

        Returns:
            Shape ``()``; 0 with a gradient of zeros where nothing in the batch counts. While training on several
            devices or with accumulated batches, what :meth:`exact_mean` makes of it: near the mean of the batch,
            and with the gradient of the mean over all of them.

        Raises:
            TypeError: Targets are no class indices.
            ValueError: Logits or targets do not fit the classes.
        """
        numerator, denominator = self._loss_sums(logits, target)
        if self._trainer is not None and self.trainer.training:
            if self.distribution is None:
                msg = (
                    "`setup` must have counted the classes before a loss is weighted by them, got an override that did "
                    "not. Call `super().setup(stage)` in it."
                )
                raise RuntimeError(msg)
            self._means.add("train_loss", numerator, denominator)
            self._recorded = weighted_mean(numerator, denominator).detach()
        return self.exact_mean(numerator, denominator)

    def setup(self, stage: str) -> None:
        """Count the training classes and fill the buffers; a checkpoint that is restored afterwards wins."""
        self._means = EpochMeans()
        self._targets_checked = False
        self._log_every = getattr(self.trainer, "log_every_n_steps", 0)
        if stage != "fit":
            return
        if self.exact_mean_enabled:
            refuse_unreachable_gradients(self)
        distribution = self.class_distribution()
        if not isinstance(distribution, ClassDistribution):
            msg = f"`class_distribution()` must return a ClassDistribution, got {type(distribution).__name__}."
            raise TypeError(msg)
        if self.num_classes not in (None, distribution.num_classes):
            msg = (
                f"`class_distribution()` must have the {self.num_classes} classes of the model, "
                f"got {distribution.num_classes}."
            )
            raise ValueError(msg)
        distribution = agreed(distribution, self.trainer)
        self.adopt(distribution)
        self.fill(distribution, class_weights(distribution, self.weighting))

    def adopt(self, distribution: ClassDistribution) -> None:
        """Take a distribution as the one that is trained on, and tell the loss."""
        super().adopt(distribution)
        self._loss.adapt(distribution)

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Return ``loss``, ``logits`` and ``target`` of a batch."""
        del batch_idx
        inputs, target = self.unpack_batch(batch)
        logits = self(inputs)
        self._recorded = None
        loss = self.compute_loss(logits, target)
        mean = self._recorded
        if mean is None:  # an override that did not call super()
            mean = loss.detach()
            self._means.add("train_loss", *_as_sums(loss, target))
        every = self._log_every
        # The loggers count optimizer steps over all epochs.
        if every and (self.trainer.global_step + 1) % every == 0:
            self.log("train_loss_step", mean, prog_bar=True)
        return {"loss": loss, "logits": logits.detach(), "target": target}

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Return ``loss``, ``logits`` and ``target`` of a batch."""
        return self._evaluation_step("val", batch, batch_idx, dataloader_idx, len(self.trainer.num_val_batches))

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Return ``loss``, ``logits`` and ``target`` of a batch."""
        return self._evaluation_step("test", batch, batch_idx, dataloader_idx, len(self.trainer.num_test_batches))

    def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Return the class probabilities of a batch, after :meth:`transform_logits`.

        Args:
            batch: Inputs, alone or with targets.
            batch_idx: Not used.
            dataloader_idx: Not used.

        Returns:
            ``multiclass``: softmax ``(N, C, ...)``. ``binary``: probability of the positive class ``(N, ...)``.
            ``multilabel``: one sigmoid a label ``(N, C, ...)``.
        """
        del batch_idx, dataloader_idx
        inputs = inputs_without_target(batch)
        logits = self(self.unpack_batch(batch)[0] if inputs is None else inputs)
        return probabilities(
            self.transform_logits(squeeze_binary(logits) if self.task == "binary" else logits), self.task
        )

    def on_train_epoch_end(self) -> None:
        """Log the mean over all samples of the epoch."""
        self._log_means("train_")

    def on_validation_epoch_end(self) -> None:
        """Log the means over all validation samples."""
        self._log_means("val_")

    def on_test_epoch_end(self) -> None:
        """Log the means over all test samples."""
        self._log_means("test_")

    def configure_optimizers(self) -> Any:
        """Return the optimizer, and the scheduler where there is one."""
        optimizer = self._build_optimizer(self.parameters())
        if self._build_lr_scheduler is None:
            return optimizer
        scheduler = self._build_lr_scheduler(optimizer)
        config: dict[str, Any] = {"scheduler": scheduler}
        if isinstance(scheduler, ReduceLROnPlateau):
            config["monitor"] = "val_loss"
        return {"optimizer": optimizer, "lr_scheduler": config}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what the loss and the weighting were, beside the class distribution."""
        super().on_save_checkpoint(checkpoint)
        checkpoint[KEY] |= {"loss": repr(self._loss), "weighting": described(self.weighting)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the class distribution back, and say what must be given again."""
        super().on_load_checkpoint(checkpoint)
        state = checkpoint.get(KEY, {})
        for name, mine, effect in (
            ("loss", repr(self._loss), "Predictions are the same; the losses it logs are not."),
            ("weighting", described(self.weighting), "Its weights are the checkpoint's; a new fit would use its own."),
        ):
            trained_with = state.get(name, mine)
            if trained_with != mine:
                rank_zero_warn(
                    f"`{name}` must be given again where it is no hyper-parameter: the checkpoint was trained with "
                    f"{trained_with}, and this model has {mine}. {effect}"
                )

    def _loss_sums(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return self._terms(*self._aligned(logits, target)).sums()

    def _aligned(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if self.num_classes is None:
            msg = (
                "the classes must be known before a loss can be weighted, got a model that was neither fitted nor "
                "loaded. Call `trainer.fit` first, give `ckpt_path`, or pass `num_classes`."
            )
            raise ValueError(msg)
        logits, target = align(logits, target, self.task, self.num_classes)
        if not torch.compiler.is_compiling() and (target.device.type == "cpu" or not self._targets_checked):
            check_target_range(target, self.task, self.num_classes, self.ignore_index)
            self._targets_checked = True
        return logits, target

    def _terms(self, logits: Tensor, target: Tensor, *, weighted: bool = True) -> Terms:
        # A loss that gives one number for the batch has nothing to weight, and works without weights alone.
        plain = self.weighting == "uniform" and isinstance(self._loss, UnreducedLoss)
        return self._loss.terms(logits, target, self.class_weights if weighted and not plain else None)

    def _evaluation_step(
        self, stage: str, batch: Any, batch_idx: int, dataloader_idx: int, dataloaders: int
    ) -> dict[str, Tensor]:
        inputs, target = self.unpack_batch(batch)
        logits = self(inputs)
        suffix = f"/dataloader_idx_{dataloader_idx}" if dataloaders > 1 else ""
        outputs = {"logits": logits, "target": target}
        own = own_entries(len(target), own_samples(self.trainer, batch_idx, dataloader_idx))
        logits, target = logits[:own], target[:own]
        if self._own_loss:
            loss = self.compute_loss(logits, target)
            if own:  # the mean of nothing is NaN
                self._means.add(f"{stage}_loss{suffix}", *_as_sums(loss, target))
            return {"loss": loss, **outputs}
        logits, target = self._aligned(logits, target)
        # Summed without rounding, so that it does not matter which process saw which sample.
        widest = widest_float(logits.device)
        weighted = self._terms(logits, target).sums(widest)
        self._means.add(f"{stage}_loss{suffix}", *weighted)
        unweighted = self._terms(logits, target, weighted=False).sums(widest)
        self._means.add(f"{stage}_loss_unweighted{suffix}", *unweighted)
        return {"loss": weighted_mean(*weighted).to(logits.dtype), **outputs}

    def _log_means(self, prefix: str) -> None:
        for name, mean in self._means.pop(prefix).items():
            # Equal on every rank already; sync_dist only tells Lightning so.
            self.log(name, mean.float(), prog_bar="unweighted" not in name, sync_dist=True, add_dataloader_idx=False)


def _as_sums(loss: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    # Of a loss that only gives its mean, a batch counts by its size.
    size = torch.tensor(len(target), dtype=loss.dtype, device=loss.device)
    return loss.detach() * size, size
