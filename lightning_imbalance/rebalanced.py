"""Any datamodule, with its training classes drawn as often as one says."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader
from typing_extensions import Unpack

from lightning_imbalance.labels import training_loader
from lightning_imbalance.samplers.base import ClassSampler, Options
from lightning_imbalance.samplers.fixed_draw import FixedDraw
from lightning_imbalance.samplers.loaders import drawn_from, with_sampler
from lightning_imbalance.samplers.resolve import SamplerLike, check_sampler, resolve


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
        datamodule: The datamodule inside. Whatever else is asked for is taken from it.
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
        self.datamodule = datamodule
        super().__init__()
        self.prepare_data_per_node = datamodule.prepare_data_per_node
        self.allow_zero_length_dataloader_with_multiple_devices = (
            datamodule.allow_zero_length_dataloader_with_multiple_devices
        )
        self.sampler = sampler
        self._options = options
        self._made: tuple[Any, ClassSampler] | None = None

    @property
    def trainer(self) -> L.Trainer | None:
        """The Trainer, which the datamodule inside is given too."""
        return self.datamodule.trainer

    @trainer.setter
    def trainer(self, trainer: L.Trainer | None) -> None:
        if trainer is not None:
            self.datamodule.trainer = trainer

    def prepare_data(self) -> None:
        """As the datamodule inside."""
        self.datamodule.prepare_data()

    def setup(self, stage: str) -> None:
        """As the datamodule inside."""
        self.datamodule.setup(stage)

    def teardown(self, stage: str) -> None:
        """As the datamodule inside."""
        self.datamodule.teardown(stage)

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

    def val_dataloader(self) -> Any:
        """As the datamodule inside; nothing where it has no validation data."""
        # Lightning asks whether this method is there, and it is.
        overridden = is_overridden("val_dataloader", self.datamodule, parent=L.LightningDataModule)
        return self.datamodule.val_dataloader() if overridden else []

    def test_dataloader(self) -> Any:
        """As the datamodule inside."""
        return self.datamodule.test_dataloader()

    def predict_dataloader(self) -> Any:
        """As the datamodule inside."""
        return self.datamodule.predict_dataloader()

    def transfer_batch_to_device(self, batch: Any, device: Any, dataloader_idx: int) -> Any:
        """As the datamodule inside."""
        return self.datamodule.transfer_batch_to_device(batch, device, dataloader_idx)

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """As the datamodule inside."""
        return self.datamodule.on_before_batch_transfer(batch, dataloader_idx)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """As the datamodule inside."""
        return self.datamodule.on_after_batch_transfer(batch, dataloader_idx)

    def state_dict(self) -> dict[str, Any]:
        """As the datamodule inside."""
        return self.datamodule.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As the datamodule inside."""
        self.datamodule.load_state_dict(state_dict)

    def on_exception(self, exception: BaseException) -> None:
        """As the datamodule inside."""
        self.datamodule.on_exception(exception)

    def __getattr__(self, name: str) -> Any:
        # Before `datamodule` is there (while unpickled), asking it would ask here again.
        if name == "datamodule":
            raise AttributeError(name)
        return getattr(self.datamodule, name)

    def _sampler_for(self, loader: DataLoader[Any], dataset: Any) -> ClassSampler:
        # Reading the labels again would cost as much in every epoch that reloads the loader.
        known = loader.dataset
        if self._made is None or self._made[0] is not known:
            epochs = None if self.trainer is None else self.trainer.max_epochs
            sampler = resolve(self.sampler, dataset, self._options, epochs)
            sampler.check_fits(dataset)
            self._made = (known, sampler)
        sampler = self._made[1]
        if self.trainer is not None:
            # Here and not only in Lightning's call, which comes after the workers have drawn:
            # https://github.com/Lightning-AI/pytorch-lightning/issues/21938
            sampler.set_epoch(self.trainer.current_epoch)
        return sampler
