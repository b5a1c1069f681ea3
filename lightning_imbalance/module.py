"""The LightningModule that counts the classes of its training data and weights its loss by them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from lightning_imbalance.checks import check_ignore_index
from lightning_imbalance.class_state import KEY, OnChangedData
from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.epoch_means import EpochMeans, log_step
from lightning_imbalance.exact_mean import ExactMean, refuse_unreachable_gradients
from lightning_imbalance.functional.logits import align, check_target_range
from lightning_imbalance.functional.reduction import Terms, weighted_mean, widest_float
from lightning_imbalance.label_mixing import prepared
from lightning_imbalance.labels import unpack_batch
from lightning_imbalance.losses.resolve import LossLike, resolve
from lightning_imbalance.losses.resolve import as_hyperparameter as loss_as_hyperparameter
from lightning_imbalance.losses.unreduced import UnreducedLoss
from lightning_imbalance.network_call import call
from lightning_imbalance.own_samples import own_entries, own_samples
from lightning_imbalance.predictions import Predictions
from lightning_imbalance.prior import Prior
from lightning_imbalance.synthesis.resolve import BatchTransformLike
from lightning_imbalance.trained_with import warn_of_changes
from lightning_imbalance.training_data import agreed, from_trainer
from lightning_imbalance.two_corrections import warn_of_two_corrections
from lightning_imbalance.weighting import (
    Weighting,
    as_hyperparameter,
    as_scheme,
    check_weighting,
    class_weights,
    described,
)


class WeightedClassifier(ExactMean, Predictions):
    """Trains any network with a loss weighted by class; classes, counts and weights come from the data.

    Use it as it is with a network that maps inputs to logits, or subclass it and define ``forward``. One noun at a
    time can be overridden: :meth:`class_distribution`, :meth:`unpack_batch`, :meth:`compute_loss`,
    ``configure_optimizers``.

    Args:
        model: Maps a batch of inputs to logits: ``(N, C, ...)``, or for ``binary`` ``(N,)`` or ``(N, 1)``. It may
            return them in an object with the attribute ``logits`` (Hugging Face's models), or in a mapping under
            ``logits`` or ``out`` (torchvision's segmentation models). Not needed where a subclass defines ``forward``.
        num_classes: Number of classes; by default what the training data say.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
        weighting: What :func:`~lightning_imbalance.class_weights` takes: a name, numbers, a mapping from class name
            to number, or a callable.
        loss: ``"cross_entropy"`` (of the task: softmax or sigmoid) or another name of
            :mod:`lightning_imbalance.losses`, a loss of this package, a ``torch.nn`` loss, or a function of logits and
            target that gives one value a target. A loss that corrects for the counts by itself
            (``"balanced_softmax"``, ``"logit_adjusted"``) goes with ``weighting="uniform"``.
        optimizer: Builds the optimizer from the parameters; by default AdamW with its learning rate of 0.001.
        lr_scheduler: Builds the scheduler from the optimizer. It steps once an epoch; ``ReduceLROnPlateau`` watches
            ``val_loss``.
        class_names: One name a class; by default what the training data say.
        ignore_index: Targets of this value count nothing, in the counts and in the loss.
        target_prior: Class prior that :meth:`predict_step` gives probabilities for: ``"train"`` (the data's),
            ``"uniform"``, C probabilities, or a mapping from class name to probability. By default the softmax of the
            logits, which is right for :attr:`training_prior`. An attribute too, to be set on a loaded model.
        exact_mean: Take the weighted mean over all devices and accumulated batches of an optimizer step, see
            :class:`~lightning_imbalance.exact_mean.ExactMean`. ``False`` takes it on each device and batch, as torch's
            losses do. Without effect on one device that accumulates nothing.
        on_changed_data: What a resumed fit does when its data have other counts than the checkpoint: ``"keep"`` the
            checkpoint's weights and warn, ``"recompute"`` them, or ``"error"``.
        validate: Check on every batch that targets are inside the classes. On an accelerator the check makes the host
            wait for the device; by default it is done on the first batch there, and on every batch on the CPU.
        batch_transform: Mixes the training batches on their device: ``"mixup"``, ``"cutmix"``, ``"remix"``,
            ``"cutmix_minority"``, or a transform of :mod:`lightning_imbalance.synthesis`. The loss then gets class
            probabilities; validation, test and prediction see samples as they are. Without a class prior that its
            predictions are right for: neither ``target_prior`` nor :attr:`training_prior`.

    Attributes:
        class_weights: Buffer, shape ``(C,)``, float32. Filled in ``setup("fit")``, kept in the checkpoint; 1 before,
            and of length 0 while ``num_classes`` is unknown.
        class_counts: Buffer, shape ``(C,)``, int64, 0 before ``setup("fit")``.
        distribution: The :class:`~lightning_imbalance.ClassDistribution` trained on, ``None`` before.
        class_names: Names of the classes, ``None`` while unknown.
        batch_transform: The transform of training batches, ``None`` without one. A ``training_step`` of one's own calls
            :meth:`mix_batch`.
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
        target_prior: Prior | None = None,
        exact_mean: bool = True,
        on_changed_data: OnChangedData = "keep",
        validate: bool = False,
        batch_transform: BatchTransformLike | None = None,
    ) -> None:
        given = num_classes
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
        self.exact_mean_enabled, self.validate = exact_mean, validate
        ignore_index = check_ignore_index(ignore_index)
        # A copy: another model may be given the same loss, and has other counts.
        self._loss = copy.deepcopy(resolve(loss, task, ignore_index))
        loss = loss_as_hyperparameter(loss)
        self.ignore_index = ignore_index = self._loss.ignore_index
        self.batch_transform, batch_transform = prepared(batch_transform, self._loss, validate=validate)
        # Apart from `class_names`, which a fit takes from the data: the next fit may have data of other names.
        self._given_names = class_names
        said_by = "class_names" if class_names is not None else "weighting"
        # Whose fault it is when the data have another number of classes.
        self._number_from = None if given is not None or num_classes is None or task == "binary" else said_by
        self.target_prior = target_prior
        target_prior = self.target_prior
        if num_classes is None and self.num_classes is not None:
            self._number_from = "target_prior"
        self._build_optimizer = optimizer
        self._build_lr_scheduler = lr_scheduler
        self._means = EpochMeans()
        self._targets_checked = False
        self._log_every = 0
        self._sums: tuple[Tensor, Tensor, Tensor] | None = None
        self._in_step = False
        self._own_loss = type(self).compute_loss is not WeightedClassifier.compute_loss
        if type(self).__init__ is WeightedClassifier.__init__:
            # A subclass with arguments of its own saves those; ours would come back to it as unknown arguments.
            unsaved = ["model", "optimizer", "lr_scheduler"]
            unsaved += ["weighting"] if callable(weighting) else []
            unsaved += [] if isinstance(loss, (str, Mapping)) else ["loss"]
            unsaved += (
                [] if batch_transform is None or isinstance(batch_transform, (str, Mapping)) else ["batch_transform"]
            )
            self.save_hyperparameters(ignore=unsaved)

    def forward(self, inputs: Any) -> Tensor:
        """Return the logits of a batch of inputs."""
        assert self.model is not None, "the constructor refuses a missing model"  # noqa: S101  # for the type checker
        logits: Tensor = call(self.model, inputs)
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
        try:
            return from_trainer(self.trainer, self.num_classes, self._given_names, self.task, self.ignore_index)
        except ValueError as error:
            if self._number_from is None:
                raise
            msg = f"`{self._number_from}` is for {self.num_classes} classes, and the training data do not fit: {error}"
            raise ValueError(msg) from error

    def unpack_batch(self, batch: Any) -> tuple[Any, Tensor]:
        """Return inputs and targets of a batch; override it for batches of another form.

        Args:
            batch: What the dataloader gives: a pair, or a mapping with the usual keys.

        Returns:
            Inputs and targets.

        Raises:
            TypeError: The batch has another form.
        """
        return unpack_batch(batch)

    def compute_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the weighted mean loss of a batch; a ``training_step`` of one's own calls this.

        An override is what is trained and logged. One that adds to ``super().compute_loss(...)`` adds the mean of its
        own; in the mean of an epoch a batch then counts by the weights in it, and without the call by its size.

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
        training = self._trainer is not None and self.trainer.training
        if training and self.distribution is None:
            msg = (
                "`setup` must have counted the classes before a loss is weighted by them, got an override that did "
                "not. Call `super().setup(stage)` in it."
            )
            raise RuntimeError(msg)
        numerator, denominator = self._loss_sums(logits, target)
        loss = self.exact_mean(numerator, denominator)
        self._sums = (numerator.detach(), denominator.detach(), loss.detach())
        if training and not self._in_step and torch.is_grad_enabled():  # a `training_step` of one's own
            self._means.add("train_loss", numerator, denominator)
        return loss

    def setup(self, stage: str) -> None:
        """Count the training classes and fill the buffers; a checkpoint that is restored afterwards wins."""
        super().setup(stage)
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
        warn_of_two_corrections(self._loss, distribution, self.class_weights)

    def adopt(self, distribution: ClassDistribution) -> None:
        """Take a distribution as the one that is trained on, and tell the loss."""
        super().adopt(distribution)
        self._loss.adapt(distribution)

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Return ``loss``, ``logits`` and ``target`` of a batch."""
        del batch_idx
        inputs, target = self.mix_batch(*self.unpack_batch(batch))
        logits = self(inputs)
        self._sums, self._in_step = None, True
        loss = self.compute_loss(logits, target)
        self._in_step = False
        counted = self._counted(loss, target)
        self._means.add("train_loss", *counted)
        log_step(self, self._log_every, *counted)
        return {"loss": loss, "logits": logits.detach(), "target": target}

    def validation_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Return ``loss``, ``logits`` and ``target`` of a batch."""
        return self._evaluation_step("val", batch, batch_idx, dataloader_idx, len(self.trainer.num_val_batches))

    def test_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Return ``loss``, ``logits`` and ``target`` of a batch."""
        return self._evaluation_step("test", batch, batch_idx, dataloader_idx, len(self.trainer.num_test_batches))

    def on_train_epoch_end(self) -> None:
        """Log the mean over all samples of the epoch."""
        super().on_train_epoch_end()
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
        checkpoint[KEY] |= self.trained_with()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the class distribution back, and say what must be given again."""
        super().on_load_checkpoint(checkpoint)
        warn_of_changes(checkpoint.get(KEY, {}), self.trained_with())

    def counted_buffers(self) -> list[str]:
        """Return the names of the buffers that follow from the counts; the loss has some too."""
        return [*super().counted_buffers(), *(f"_loss.{name}" for name, _ in self._loss.named_buffers())]

    def trained_with(self) -> dict[str, str]:
        """Return ``loss``, ``weighting`` and ``batch_transform`` in words, as a checkpoint remembers them."""
        weighting = described(self.weighting)
        return {"loss": repr(self._loss), "weighting": weighting, "batch_transform": repr(self.batch_transform)}

    def _counted(self, loss: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a batch adds to the sums of an epoch's mean."""
        if self._sums is None:  # an override that did not call super()
            size = torch.tensor(len(target), dtype=loss.dtype, device=loss.device)
            return loss.detach() * size, size
        numerator, denominator, given = self._sums
        return numerator + (loss.detach() - given) * denominator, denominator

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
        always = self.validate or target.device.type == "cpu"
        if not torch.compiler.is_compiling() and (always or not self._targets_checked):
            check_target_range(target, self.task, self.num_classes, self.ignore_index)
            self._targets_checked = True
        return logits, target

    def _terms(self, logits: Tensor, target: Tensor, *, weighted: bool = True) -> Terms:
        # A loss that gives one number for the batch has nothing to weight, and works without weights alone.
        # A schedule may have put others in the place of uniform ones, in this fit or in that of the checkpoint.
        unweighted = self.weighting == "uniform" and not self.needs_weights
        plain = unweighted and isinstance(self._loss, UnreducedLoss)
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
        widest = widest_float(logits.device)
        if self._own_loss:
            self._sums = None
            loss = self.compute_loss(logits, target)
            # The mean of nothing is NaN.
            counted = self._counted(loss, target) if own else (torch.zeros_like(loss), torch.zeros_like(loss))
            self._means.add(f"{stage}_loss{suffix}", *counted)
            if self._sums is not None:
                terms = self._terms(*self._aligned(logits, target), weighted=False)
                self._means.add(f"{stage}_loss_unweighted{suffix}", *terms.sums(widest))
            return {"loss": loss, **outputs}
        logits, target = self._aligned(logits, target)
        # Summed without rounding, so that it does not matter which process saw which sample.
        weighted = self._terms(logits, target).sums(widest)
        self._means.add(f"{stage}_loss{suffix}", *weighted)
        unweighted = self._terms(logits, target, weighted=False).sums(widest)
        self._means.add(f"{stage}_loss_unweighted{suffix}", *unweighted)
        return {"loss": weighted_mean(*weighted).to(logits.dtype), **outputs}

    def _log_means(self, prefix: str) -> None:
        for name, mean in self._means.pop(prefix, self.device, self.trainer.world_size).items():
            # Equal on every rank already; sync_dist only tells Lightning so.
            self.log(name, mean.float(), prog_bar="unweighted" not in name, sync_dist=True, add_dataloader_idx=False)
