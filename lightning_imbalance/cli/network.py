"""The network of a training command: what the user said, completed by what the data are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lightning_imbalance.counting import Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.labels import training_loader, unpack_batch

if TYPE_CHECKING:
    from jsonargparse import Namespace


def completed_model(config: Namespace | None, said: Namespace | None, datamodule: Any, task: Task) -> Namespace:
    """Say which network is meant.

    Args:
        config: ``class_path`` and ``init_args`` of a network, defaults included, or ``None`` for a small one.
        said: The same without defaults.
        datamodule: The data.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.

    Returns:
        ``class_path`` and ``init_args``. An argument ``num_classes`` that nobody gave is the number of classes in the
        data; where no network was given, it is :func:`~lightning_imbalance.small_networks.small_network`.

    Raises:
        TypeError: The small network is wanted, and the inputs are no tensors.

    Example:
        >>> from lightning import LightningDataModule
        >>> from torch.utils.data import TensorDataset
        >>> data = LightningDataModule.from_datasets(TensorDataset(torch.zeros(4, 5), torch.tensor([0, 1, 2, 2])))
        >>> completed_model(None, None, data, "multiclass").init_args
        Namespace(shape=[5], num_classes=3)
    """
    if config is None:
        loader = training_loader(datamodule)
        one_is_at_hand = hasattr(type(loader.dataset), "__getitem__") and loader.batch_size is not None
        batch = loader.collate_fn([loader.dataset[0]]) if one_is_at_hand else next(iter(loader))
        inputs, _ = unpack_batch(batch)
        if not isinstance(inputs, torch.Tensor):
            msg = (
                "`--model.model` must be given unless the inputs are one tensor, got a batch with inputs of type "
                f"{type(inputs).__name__}."
            )
            raise TypeError(msg)
        from jsonargparse import Namespace

        arguments = Namespace(shape=list(inputs.shape[1:]), num_classes=_outputs(datamodule, task))  # type: ignore[no-untyped-call]
        path = "lightning_imbalance.small_networks.small_network"
        return Namespace(class_path=path, init_args=arguments)  # type: ignore[no-untyped-call]
    given = said.get("init_args") if said is not None else None
    if "num_classes" in (config.get("init_args") or {}) and "num_classes" not in (given or {}):
        config = config.clone()
        config.init_args.num_classes = _outputs(datamodule, task)
    return config


def _outputs(datamodule: Any, task: Task) -> int:
    if task == "binary":
        return 1
    known = getattr(datamodule, "num_classes", None)
    return known if isinstance(known, int) else ClassDistribution.from_datamodule(datamodule, task=task).num_classes
