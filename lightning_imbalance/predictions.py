"""What a classifier predicts: probabilities, and the class prior for which they are right."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.logits import probabilities, squeeze_binary
from lightning_imbalance.label_mixing import LabelMixing, refuse_prior
from lightning_imbalance.labels.batch import inputs_without_target
from lightning_imbalance.losses.base import Loss
from lightning_imbalance.prior import Prior
from lightning_imbalance.sampled_classes import sampled_classes
from lightning_imbalance.target_prior import TargetPrior
from lightning_imbalance.two_corrections import warn_of_sampler_and_weights

if TYPE_CHECKING:
    from typing_extensions import Self


class Predictions(LabelMixing):
    """Gives a module that knows its classes and its loss ``predict_step``, for a class prior of one's choice.

    Arguments are those of :class:`~lightning_imbalance.class_state.ClassState`; :attr:`target_prior` is set afterwards.
    """

    _loss: Loss
    _target_prior: TargetPrior | None = None
    _looked = _corrected_twice = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.posthoc: list[Callable[[Tensor], Tensor]] = []

    @abstractmethod
    def unpack_batch(self, batch: Any) -> tuple[Any, Tensor]:
        """Return inputs and targets of a batch."""

    @property
    def target_prior(self) -> Prior | None:
        """Class prior that predictions are made for, ``None`` for the one that the training made the model believe."""
        return None if self._target_prior is None else self._target_prior.target

    @target_prior.setter
    def target_prior(self, value: Prior | None) -> None:
        if value is not None:
            refuse_prior(self.batch_transform)
        known = self.num_classes, self.class_names, self.task
        self._target_prior = None if value is None else TargetPrior(value, self._loss, *known)
        if self._target_prior is not None and self.num_classes is None and self._target_prior.num_classes is not None:
            self.num_classes = self._target_prior.num_classes

    @property
    def training_prior(self) -> Tensor:
        """Class prior for which the softmax (sigmoid) of the logits is right, shape ``(C,)``, float64.

        That of the training data, as sampler, weights and loss changed it. Raises a ``ValueError`` where the loss makes
        no posteriors of the logits or a batch transform mixes labels, and a ``RuntimeError`` before a fit.
        """
        refuse_prior(self.batch_transform)
        self._look_at_sampler()
        return self._loss.log_prior(self._trained_on(), self.class_weights.cpu(), self.sampling).exp()

    def setup(self, stage: str) -> None:
        """Forget the sampler of an earlier fit."""
        super().setup(stage)
        if stage == "fit":
            self.sampling, self._looked, self._corrected_twice = None, False, False

    def on_train_start(self) -> None:
        """See how often the training dataloader draws each class, and say where that corrects a second time."""
        super().on_train_start()
        self._look_at_sampler()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep how often each class was drawn."""
        self._look_at_sampler()
        super().on_save_checkpoint(checkpoint)

    def fill(self, distribution: ClassDistribution, weights: Tensor) -> None:
        """Write counts and weights into the buffers; weights that come after the start are looked at too."""
        super().fill(distribution, weights)
        self._look_at_both(distribution)

    def _look_at_sampler(self) -> None:
        # Not in one hook alone: a subclass may have one of that name that does not call this one.
        fits = self._trainer is not None and self.trainer.state.fn == "fit"
        if self._looked or not fits or self.distribution is None or self.trainer.train_dataloader is None:
            return
        self._looked = True
        self.sampling = sampled_classes(self.trainer.train_dataloader, self.distribution)
        self._look_at_both(self.distribution)

    def _look_at_both(self, distribution: ClassDistribution) -> None:
        if self.sampling is not None and not self._corrected_twice:
            self._corrected_twice = warn_of_sampler_and_weights(
                self._loss, distribution, self.class_weights, self.sampling
            )

    def _trained_on(self) -> ClassDistribution:
        if self.distribution is None and bool(self.class_counts.any()):
            msg = (
                "the sampler and the names of the classes must be known for a prior, got the counts alone, as after "
                "`ddp_spawn`, `ddp_fork` or a `load_state_dict`. Load the checkpoint: `load_from_checkpoint(path)`."
            )
            raise RuntimeError(msg)
        if self.distribution is None:
            msg = (
                "the classes that were trained on must be known for a prior, got a model that was neither fitted nor "
                "loaded from a checkpoint of this package."
            )
            raise RuntimeError(msg)
        return self.distribution

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, *args: Any, **kwargs: Any) -> Self:
        """Load a model; takes what Lightning's does, and ``target_prior`` for a subclass that has no such argument.

        Raises:
            TypeError: An argument is neither one of the constructor's nor one of Lightning's.
        """
        arguments = inspect.signature(cls.__init__).parameters
        load = super().load_from_checkpoint
        takes_any = any(each.kind is each.VAR_KEYWORD for each in arguments.values())
        later = {} if takes_any or "target_prior" in arguments else {"target_prior": kwargs.pop("target_prior", None)}
        unknown = sorted(set(kwargs) - set(arguments) - set(inspect.signature(load).parameters))
        if unknown and not takes_any:
            own = ", ".join(f"`{name}`" for name in arguments if name != "self") or "none"
            msg = f"`load_from_checkpoint` must get arguments of {cls.__name__} ({own}), got `{unknown[0]}`."
            raise TypeError(msg)
        model: Self = load(checkpoint_path, *args, **kwargs)
        for name, value in later.items():
            if value is not None:
                setattr(model, name, value)
        return model

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

    def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Return the class probabilities of a batch.

        Args:
            batch: Inputs, alone or with targets.
            batch_idx: Not used.
            dataloader_idx: Not used.

        Returns:
            ``multiclass``: softmax ``(N, C, ...)``. ``binary``: probability of the positive class ``(N, ...)``.
            ``multilabel``: one sigmoid a label ``(N, C, ...)``. Right for :attr:`target_prior`, or without one for
            :attr:`training_prior`.
        """
        del batch_idx, dataloader_idx
        inputs = inputs_without_target(batch)
        logits = self(self.unpack_batch(batch)[0] if inputs is None else inputs)
        logits = squeeze_binary(logits) if self.task == "binary" else logits
        logits = self.transform_logits(logits)
        if self._target_prior is not None:
            if self.posthoc:
                msg = (
                    "`target_prior` must be None beside what is fitted on validation data and for their class prior, "
                    f"got {self.target_prior!r}. Predict without it, and move the result from the validation data's "
                    "prior: `prior.adjust_logits`."
                )
                raise ValueError(msg)
            logits = self._target_prior.apply(logits, self._loss, self._trained_on(), self.class_weights, self.sampling)
        return probabilities(logits, self.task)
