"""What a fitted model says about data that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from lightning_imbalance.checks import listed
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.functional.logits import align, full_precision
from lightning_imbalance.labels import training_loader
from lightning_imbalance.module import WeightedClassifier
from lightning_imbalance.quiet import quiet

Part = Literal["val", "test"]

_MOST = 100_000_000
_LOADERS = {"val": "val_dataloader", "test": "test_dataloader"}
_STAGES = {"val": "validate", "test": "test"}


@dataclass(frozen=True, eq=False)
class Measured:
    """Logits and targets of one part of the data.

    Args:
        part: ``"val"`` or ``"test"``.
        logits: Shape ``(N, C)``, for ``binary`` ``(N,)``: pixels are samples. On the CPU.
        target: Indices of the model's classes, shape ``(N,)``; ``multilabel``: 0 and 1, ``(N, C)``.
        training_part: The classes of the training part of the same data, in the model's order; ``None`` where the data
            have no training part.

    Example:
        >>> Measured("test", torch.zeros(3, 2), torch.zeros(3)).part
        'test'
    """

    part: Part
    logits: Tensor
    target: Tensor
    training_part: ClassDistribution | None = None


class KeptOutputs(L.Callback):
    """Keeps logits and targets of every validation and test batch, off the device.

    Args:
        model: Says what they are of.

    Raises:
        TypeError: While batches come: the steps return something else.
        ValueError: While batches come: they are more than memory should hold.

    Example:
        >>> KeptOutputs(WeightedClassifier(torch.nn.Identity())).batches
        []
    """

    def __init__(self, model: WeightedClassifier) -> None:
        self.batches: list[tuple[Tensor, Tensor]] = []
        self._task, self._ignored, self._classes = model.task, model.ignore_index, model.num_classes
        self._held = 0

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch."""
        del trainer, batch, batch_idx, dataloader_idx
        self._keep(pl_module, outputs)

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep a batch."""
        del trainer, batch, batch_idx, dataloader_idx
        self._keep(pl_module, outputs)

    def _keep(self, module: L.LightningModule, outputs: Any) -> None:
        if not isinstance(outputs, Mapping) or not {"logits", "target"} <= set(outputs):
            got = f"the keys {listed(list(outputs))}" if isinstance(outputs, Mapping) else type(outputs).__name__
            msg = (
                f"the validation and test steps of {type(module).__name__} must return a mapping with 'logits' and "
                f"'target', as those of WeightedClassifier do, got {got}."
            )
            raise TypeError(msg)
        logits, target = align(outputs["logits"], outputs["target"], self._task, self._classes)
        self._held += logits.numel()
        if self._held > _MOST:
            msg = (
                f"a report must hold the probabilities of all targets, at most {_MOST:,} numbers, got more with "
                f"logits of shape {tuple(logits.shape)} in a batch. Measure such data with an ImbalanceMonitor, which "
                "holds counts alone: `lightning-imbalance test`, or `trainer.test`."
            )
            raise ValueError(msg)
        self.batches.append(_in_rows(full_precision(logits).cpu(), target.cpu(), self._task, self._ignored))


class OnePart(L.LightningDataModule):
    """One loader of a datamodule that is set up, with the datamodule's way of moving batches to a device.

    Args:
        datamodule: The datamodule.
        part: What the loader is asked for as.
        loader: The loader.

    Example:
        >>> OnePart(L.LightningDataModule(), "val", [1, 2]).val_dataloader()
        [1, 2]
    """

    def __init__(self, datamodule: L.LightningDataModule, part: Part, loader: Any) -> None:
        super().__init__()
        setattr(self, _LOADERS[part], lambda: loader)
        for hook in ("transfer_batch_to_device", "on_before_batch_transfer", "on_after_batch_transfer"):
            setattr(self, hook, getattr(datamodule, hook))


def measure(
    model: WeightedClassifier, datamodule: L.LightningDataModule, part: Part | None = None, *, progress: bool = False
) -> Measured:
    """Let a model judge the samples of one part, on one device.

    The datamodule is set up once, for fit and for the part: one that is set up again may draw another split.

    Args:
        model: Fitted, or loaded from a checkpoint.
        datamodule: The data.
        part: ``"val"`` or ``"test"``; by default the test part where there is one, else the validation part.
        progress: Show Lightning's progress bar.

    Returns:
        Logits and targets.

    Raises:
        TypeError: The steps, the loader or the targets are of another form.
        ValueError: The model knows no classes, the data have others, or there is no such part.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> data = TensorDataset(torch.eye(2).repeat(4, 1), torch.tensor([0, 1]).repeat(4))
        >>> model = WeightedClassifier(torch.nn.Identity())
        >>> model.adopt(ClassDistribution([30, 10]))
        >>> model.num_classes = 2
        >>> measure(model, L.LightningDataModule.from_datasets(data, data)).part
        'val'
    """
    trained_on = model.distribution
    if trained_on is None:
        msg = (
            "`model` must have been fitted, or loaded from a checkpoint of this package, for its classes to be known, "
            "got one that was neither."
        )
        raise ValueError(msg)
    with isolate_rng(), quiet():
        datamodule.prepare_data()
        datamodule.setup("fit")
        own_classes = _training_classes(datamodule, model)
        indices = None if own_classes is None else indices_of_classes(own_classes, trained_on)
        part, loader = _part(datamodule, part)
        kept = KeptOutputs(model)
        trainer = L.Trainer(
            devices=1,
            logger=False,
            callbacks=[kept],
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=progress,
        )
        getattr(trainer, _STAGES[part])(model, datamodule=OnePart(datamodule, part, loader), verbose=False)
    if not kept.batches or not sum(len(target) for _, target in kept.batches):
        msg = f"the {_word(part)} part must have samples to measure the model on, got none."
        raise ValueError(msg)
    logits, target = (torch.cat(each) for each in zip(*kept.batches, strict=True))
    if indices is None or own_classes is None:
        return Measured(part, logits, target, own_classes)
    counts = torch.zeros(trained_on.num_classes, dtype=torch.int64)
    counts[indices] = own_classes.counts
    same = ClassDistribution(counts, trained_on.class_names, trained_on.task, own_classes.num_samples)
    return Measured(part, logits, target if model.task == "multilabel" else indices[target], same)


def indices_of_classes(found: ClassDistribution, trained_on: ClassDistribution) -> Tensor:
    """Return which class of the model each class of the data is.

    Names decide where both have some: a folder that is missing moves the indices of all that follow it.

    Args:
        found: The classes of the data.
        trained_on: The classes of the model.

    Returns:
        An index a class of the data, shape ``(C,)``.

    Raises:
        ValueError: The data have a class that the model does not have, or labels in another order.

    Example:
        >>> trained_on = ClassDistribution([5, 5, 5], ["cat", "dog", "eel"])
        >>> indices_of_classes(ClassDistribution([3, 2], ["cat", "eel"]), trained_on)
        tensor([0, 2])
    """
    named = None not in (found.to_dict()["class_names"], trained_on.to_dict()["class_names"])
    names = list(trained_on.class_names)
    unknown = [name for name in found.class_names if name not in names] if named else []
    if unknown or found.num_classes > len(names):
        got = f"{listed(unknown)} too" if unknown else f"{found.num_classes}"
        msg = f"the data must have the {len(names)} classes of the model, {listed(names)}, or some of them, got {got}."
        raise ValueError(msg)
    own = [names.index(name) for name in found.class_names] if named else list(range(found.num_classes))
    if trained_on.task != "multiclass" and own != list(range(len(names))):
        got = listed(found.class_names)
        msg = f"the labels of the data must be those of the model, {listed(names)}, in the same order, got {got}."
        raise ValueError(msg)
    return torch.tensor(own)


def _training_classes(datamodule: L.LightningDataModule, model: WeightedClassifier) -> ClassDistribution | None:
    if _loader(datamodule, "train_dataloader") is None:
        return None

    class SetUp:
        """What counting does not set up again."""

        class_names = getattr(datamodule, "class_names", None)

        def train_dataloader(self) -> Any:
            return training_loader(datamodule, setup=False)

    # Classes without a name are as many as the model has, also where the last of them has no sample.
    fewest = None if SetUp.class_names else model.num_classes
    try:
        return ClassDistribution.from_datamodule(SetUp(), fewest, task=model.task, ignore_index=model.ignore_index)
    except ValueError:
        return ClassDistribution.from_datamodule(SetUp(), task=model.task, ignore_index=model.ignore_index)


def _part(datamodule: L.LightningDataModule, part: Part | None) -> tuple[Part, Any]:
    for candidate in (part,) if part is not None else ("test", "val"):
        datamodule.setup(_STAGES[candidate])
        loader = _loader(datamodule, _LOADERS[candidate])
        if loader is not None:
            return candidate, loader
    wanted = "a validation or a test part" if part is None else f"a {_word(part)} part"
    msg = f"the data must have {wanted} to measure the model on, got {type(datamodule).__name__} without."
    raise ValueError(msg)


def _loader(datamodule: L.LightningDataModule, name: str) -> Any:
    """Return the one loader of a part, ``None`` where there is none."""
    from lightning_imbalance.datamodules import PartsDataModule  # it imports torchvision, which the package does not

    if name == "test_dataloader" and isinstance(datamodule, PartsDataModule) and datamodule.parts.test is None:
        return None
    try:
        loader = getattr(datamodule, name)()
    except MisconfigurationException:  # Lightning's own hook, which only says that it was not overridden
        return None
    if isinstance(loader, (list, tuple)):
        if len(loader) > 1:
            msg = f"`{type(datamodule).__name__}.{name}()` must return one DataLoader, got {len(loader)} of them."
            raise TypeError(msg)
        return loader[0] if loader else None
    return loader


def _in_rows(logits: Tensor, target: Tensor, task: str, ignored: int | None) -> tuple[Tensor, Tensor]:
    """Return a row a target, without those that are ignored; of ``multilabel`` a label alone may be ignored."""
    if task == "multilabel":
        return logits.movedim(1, -1).flatten(end_dim=-2), target.movedim(1, -1).flatten(end_dim=-2).long()
    if task == "multiclass" and target.is_floating_point():
        msg = (
            "the targets of validation and test data must be class indices for a class to have samples, got class "
            "probabilities."
        )
        raise TypeError(msg)
    logits = logits.flatten() if task == "binary" else logits.movedim(1, -1).flatten(end_dim=-2)
    target = target.flatten().long()
    kept = slice(None) if ignored is None else target != ignored
    return logits[kept], target[kept]


def _word(part: Part) -> str:
    return "validation" if part == "val" else "test"
