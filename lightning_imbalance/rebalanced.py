"""Any datamodule, with its training classes drawn as often as one says."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from typing_extensions import Unpack

from lightning_imbalance.labels import training_loader
from lightning_imbalance.labels.loaders import subset_of
from lightning_imbalance.samplers.base import ClassSampler, Options
from lightning_imbalance.samplers.fixed_draw import FixedDraw
from lightning_imbalance.samplers.loaders import drawn_from, with_sampler
from lightning_imbalance.samplers.resolve import SamplerLike, check_sampler, resolve


def _of_the_one_inside(name: str) -> Any:
    return property(lambda self: getattr(self.datamodule, name), doc="As the datamodule inside.")


class RebalancedDataModule(L.LightningDataModule):
    """Gives the training dataloader of a datamodule another sampler, and leaves all else as it is.

    The loader keeps its class and every setting: batch size, workers, collation, pinning and so on. Validation, test
    and prediction data pass through. Works on several processes, with ``reload_dataloaders_every_n_epochs``,
    ``overfit_batches`` (the first draw, each epoch), and on resume: the epoch that a fit goes on with draws what it
    would have drawn without the interruption.

    The class counts stay those of the data: what the model weights by, and what ``ClassDistribution.from_datamodule``
    gives. How often the sampler draws a class, the model finds by itself, for its
    :attr:`~lightning_imbalance.WeightedClassifier.training_prior`.

    Args:
        datamodule: The datamodule. Its training loader must not have a sampler or batch sampler of its own, apart from
            shuffling and one that is limited to a subset.
        sampler: ``"balanced"``, ``"square_root"``, ``"progressive"`` (balanced in the last epoch), ``"deferred"``
            (balanced for the last fifth of the epochs), ``"undersampling"``, ``"oversampling"``, ``"repeat_factor"``,
            or a function from the training data set to a sampler: a class of :mod:`lightning_imbalance.samplers`, or
            ``partial(ClassBalancedSampler, power=0.3)``.
        options: For a named sampler, as for :class:`~lightning_imbalance.samplers.ClassSampler`: ``seed``, ``task``,
            ``ignore_index``, ...

    Attributes:
        datamodule: The datamodule inside. Whatever else is asked for is taken from it, and set there if it has it.
        sampler: The name or function.

    Raises:
        TypeError: An argument has the wrong type; later: the data have no labels or no indices.
        ValueError: The name is unknown; later: the training loader has a sampler of its own.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> labels = torch.tensor([0] * 100 + [1] * 50 + [2] * 20)
        >>> flowers = L.LightningDataModule.from_datasets(TensorDataset(torch.randn(170, 2), labels), batch_size=20)
        >>> loader = RebalancedDataModule(flowers, sampler="undersampling").train_dataloader()
        >>> loader.batch_size, labels[list(loader.sampler)].bincount()
        (20, tensor([20, 20, 20]))
    """

    def __init__(
        self, datamodule: L.LightningDataModule, sampler: SamplerLike = "balanced", **options: Unpack[Options]
    ) -> None:
        if not isinstance(datamodule, L.LightningDataModule):
            msg = (
                f"`datamodule` must be a LightningDataModule, got {type(datamodule).__name__}. For a dataloader, give "
                "the sampler to it: `DataLoader(dataset, sampler=ClassBalancedSampler(dataset), ...)`."
            )
            raise TypeError(msg)
        check_sampler(sampler, options)
        super().__init__()
        self.prepare_data_per_node = datamodule.prepare_data_per_node
        self.allow_zero_length_dataloader_with_multiple_devices = (
            datamodule.allow_zero_length_dataloader_with_multiple_devices
        )
        self.sampler = sampler
        self._options = options
        self._made: tuple[Any, Tensor | None, ClassSampler] | None = None
        # Last, since from now on attributes are set in there.
        self.datamodule = datamodule

    @property
    def trainer(self) -> L.Trainer | None:
        """The Trainer, which the datamodule inside is given too."""
        return self.datamodule.trainer

    @trainer.setter
    def trainer(self, trainer: L.Trainer | None) -> None:
        if trainer is not None:
            self.datamodule.trainer = trainer

    # Lightning asks which hooks there are, and must find those of the datamodule inside.
    prepare_data = _of_the_one_inside("prepare_data")
    teardown = _of_the_one_inside("teardown")
    val_dataloader = _of_the_one_inside("val_dataloader")
    test_dataloader = _of_the_one_inside("test_dataloader")
    predict_dataloader = _of_the_one_inside("predict_dataloader")
    transfer_batch_to_device = _of_the_one_inside("transfer_batch_to_device")
    on_before_batch_transfer = _of_the_one_inside("on_before_batch_transfer")
    on_after_batch_transfer = _of_the_one_inside("on_after_batch_transfer")
    state_dict = _of_the_one_inside("state_dict")
    load_state_dict = _of_the_one_inside("load_state_dict")
    on_exception = _of_the_one_inside("on_exception")

    def setup(self, stage: str) -> None:
        """Set up the datamodule inside; a new fit has data, and a number of epochs, of its own."""
        self.datamodule.setup(stage)
        if stage == "fit":
            self._made = None

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the training loader of the datamodule inside, with the sampler.

        Raises:
            TypeError: It is no single DataLoader, or its data have no indices or no labels.
            ValueError: It has a sampler of its own.
        """
        loader = training_loader(self.datamodule, setup=False)
        dataset = drawn_from(loader)
        sampler = self._sampler_for(loader, dataset)
        overfits = getattr(self.trainer, "overfit_batches", 0) > 0
        return with_sampler(loader, dataset, FixedDraw(sampler) if overfits else sampler)

    def __getattr__(self, name: str) -> Any:
        # Before `datamodule` is there (while unpickled), asking it would ask here again.
        if name == "datamodule":
            raise AttributeError(name)
        return getattr(self.datamodule, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # A `batch_size` that Lightning's Tuner looks for is that of the datamodule which makes the loader.
        inside = self.__dict__.get("datamodule")
        ours = inside is None or name in self.__dict__ or hasattr(type(self), name)
        if ours or not hasattr(inside, name):
            super().__setattr__(name, value)
        else:
            setattr(inside, name, value)

    def _sampler_for(self, loader: DataLoader[Any], dataset: Any) -> ClassSampler:
        # Reading the labels again would cost as much in every epoch that reloads the loader.
        known, indices = loader.dataset, subset_of(loader)
        if self._made is None or self._made[0] is not known or not _alike(self._made[1], indices):
            epochs = None if self.trainer is None else self.trainer.max_epochs
            sampler = resolve(self.sampler, dataset, self._options, epochs)
            sampler.check_fits(dataset)
            self._made = (known, indices, sampler)
        sampler = self._made[2]
        if self.trainer is not None:
            # Here and not only in Lightning's call, which comes after the workers have drawn:
            # https://github.com/Lightning-AI/pytorch-lightning/issues/21938
            sampler.set_epoch(self.trainer.current_epoch)
        return sampler


def _alike(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)
