"""What the processes of a crew run. Each function is called on every rank, and returns plain values."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.plugins.precision import MixedPrecision
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from typing_extensions import Self

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, RebalancedDataModule, WeightedClassifier
from lightning_imbalance.callbacks import (
    ApplyClassWeights,
    ClassifierRetraining,
    LearnableWeightScaling,
    TauNormalization,
    TemperatureScaling,
    ThresholdTuning,
)
from lightning_imbalance.samplers import ClassBalancedSampler, IterableBalancer, MPerClassSampler
from lightning_imbalance.synthesis import ConditionalGAN

RANK = int(os.environ["LOCAL_RANK"])
SIZE = int(os.environ["CREW"])

CLASSES = 3


def trainer(**options: Any) -> L.Trainer:
    """Make a Trainer for all processes of the crew."""
    quiet = {
        "accelerator": "cpu",
        "devices": SIZE,
        "strategy": "ddp" if SIZE > 1 else "auto",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return L.Trainer(**(quiet | options))


def linear(dtype: torch.dtype = torch.float64) -> nn.Linear:
    """Make the same network in every process."""
    torch.manual_seed(0)
    return nn.Linear(CLASSES, CLASSES).to(dtype)


class Given(WeightedClassifier):
    """Does not count: the batches of a test have whatever targets it needs."""

    def class_distribution(self) -> ClassDistribution:
        return ClassDistribution([3, 2, 1])


class Reductions:
    """Remembers the sizes of all reductions that Python asks for."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._original = torch.distributed.all_reduce

    def __enter__(self) -> Self:
        def spied(tensor: Tensor, *arguments: Any, **keywords: Any) -> Any:
            self.sizes.append(tensor.numel())
            return self._original(tensor, *arguments, **keywords)

        torch.distributed.all_reduce = spied
        return self

    def __exit__(self, *_: object) -> None:
        torch.distributed.all_reduce = self._original


class AtSteps(L.Callback):
    """Counts the reductions of each optimizer step."""

    def __init__(self, reductions: Reductions) -> None:
        self.reductions = reductions
        self.sizes: list[list[int]] = []

    def on_train_batch_start(self, *_: object) -> None:
        self.reductions.sizes.clear()

    def on_train_batch_end(self, *_: object) -> None:
        self.sizes.append(list(self.reductions.sizes))


class Peeking(L.Callback):
    """Looks at the loss between the steps, on one process alone."""

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if RANK == 0:
            pl_module.compute_loss(pl_module(batch[0]), batch[1])


def train(
    batches: list[list[tuple[Tensor, Tensor]]],
    weights: list[float],
    *,
    accumulate: int | dict[int, int] = 1,
    clip: tuple[str, float] | None = None,
    epochs: int = 1,
    lr: float = 0.1,
    precision: str | None = None,
    scaler: bool = False,
    peek: bool = False,
    **arguments: Any,
) -> dict[str, Any]:
    """Fit on micro-batches, ``batches[rank]`` on each process; return parameters and what was logged."""
    options: dict[str, Any] = {"max_epochs": epochs, "use_distributed_sampler": False}
    if isinstance(accumulate, dict):
        options["callbacks"] = [GradientAccumulationScheduler(accumulate)]
    else:
        options["accumulate_grad_batches"] = accumulate
    if clip is not None:
        options |= {"gradient_clip_algorithm": clip[0], "gradient_clip_val": clip[1]}
    if scaler:
        options["plugins"] = [MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**10))]
    elif precision is not None:
        options["precision"] = precision
    dtype = batches[0][0][0].dtype
    optimizer = partial(torch.optim.SGD, lr=lr, momentum=0.9)
    model = Given(linear(dtype), CLASSES, weighting=weights, optimizer=optimizer, **arguments)
    with Reductions() as reductions:
        counter = AtSteps(reductions)
        options.setdefault("callbacks", []).extend([counter, *([Peeking()] if peek else [])])
        fit = trainer(**options)
        fit.fit(model, DataLoader(batches[RANK], batch_size=None))
    return {
        "parameters": [parameter.detach().clone() for parameter in model.parameters()],
        "logged": {name: value.item() for name, value in fit.callback_metrics.items()},
        "steps": fit.global_step,
        "reductions": counter.sizes,
    }


def evaluate(
    parts: list[TensorDataset],
    batch_size: int,
    *,
    names: list[str],
    dense: bool = False,
    sampler: str | None = None,
    own_loss: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Validate on each of the datasets; return what was logged and what the monitor counted."""
    network = nn.Conv1d(CLASSES, CLASSES, 1) if dense else linear(torch.float32)
    model = (Adding if own_loss else Given)(network, CLASSES, class_names=names)
    with torch.no_grad():
        for index, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter) + index)
    loaders = [
        DataLoader(part, batch_size, sampler=list(reversed(range(len(part)))) if sampler == "own" else None)
        for part in parts
    ]
    monitor = ImbalanceMonitor(many=2, few=1, distribution=ClassDistribution([3, 2, 1], names), **options)
    fit = trainer(callbacks=[monitor])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit.validate(model, loaders, verbose=False)
    return {
        "logged": {name: value.item() for name, value in fit.callback_metrics.items()},
        "counts": {stage: values["samples"] for stage, values in monitor.results.items()},
        "confusion": {stage: matrix.tolist() for stage, matrix in monitor.confusion.items()},
    }


class Streamed(IterableDataset):
    """Batches that nobody has counted."""

    def __init__(self, batches: list[tuple[Tensor, Tensor]]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(self.batches)


class Adding(Given):
    """Overrides the loss."""

    def compute_loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return super().compute_loss(logits, target) + 1


def evaluate_unevenly(
    batches: list[list[tuple[Tensor, Tensor]]], *, own_loss: bool = False, **options: Any
) -> dict[str, Any]:
    """Validate on ``batches[rank]``, which may be none; return what was logged and what the monitor counted."""
    model = (Adding if own_loss else Given)(linear(torch.float32), CLASSES)
    monitor = ImbalanceMonitor(**options)
    fit = trainer(callbacks=[monitor], use_distributed_sampler=False)
    # A stream: of a dataset with a length of 0 Lightning skips the whole validation.
    fit.validate(model, DataLoader(Streamed(batches[RANK]), batch_size=None), verbose=False)
    return {
        "logged": {name: value.item() for name, value in fit.callback_metrics.items()},
        "counts": {stage: values["samples"] for stage, values in monitor.results.items()},
    }


class Scanned(Dataset):
    """Samples that must be opened to see their labels."""

    def __init__(self, target: list[int]) -> None:
        self.target = target
        self.opened: list[int] = []

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        self.opened.append(index)
        return torch.zeros(CLASSES), torch.tensor(self.target[index])


def count(targets: list[list[int]], *, scan: bool = False) -> dict[str, Any]:
    """Set a fit up where each process has its own targets; return what it weights by, opened and warned."""
    mine = targets[RANK]
    dataset = Scanned(mine) if scan else TensorDataset(torch.zeros(len(mine), CLASSES), torch.tensor(mine))
    model = WeightedClassifier(linear(torch.float32), CLASSES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = trainer(max_steps=0)
        fit.fit(model, DataLoader(dataset, batch_size=2))
    return {
        "counts": model.distribution.counts.tolist(),
        "buffer": model.class_counts.tolist(),
        "weights": model.class_weights.tolist(),
        "opened": getattr(dataset, "opened", None),
        "warned": [text for each in caught if "must count the same" in (text := str(each.message))],
    }


def sharded(batches: list[list[tuple[Tensor, Tensor]]], weights: list[float]) -> list[list[Tensor]]:
    """Fit with parameters on both processes and with parameters cut in two (FSDP2); return both models' parameters."""

    class Sharded(Given):
        def configure_model(self) -> None:
            if isinstance(self.trainer.strategy, ModelParallelStrategy):
                fully_shard(self.model, mesh=self.device_mesh["data_parallel"])

    results = []
    for strategy in ("ddp", ModelParallelStrategy(data_parallel_size=SIZE, tensor_parallel_size=1)):
        optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
        model = Sharded(linear(), CLASSES, weighting=weights, optimizer=optimizer, ignore_index=255)
        fit = trainer(strategy=strategy, max_epochs=1, accumulate_grad_batches=2, use_distributed_sampler=False)
        fit.fit(model, DataLoader(batches[RANK], batch_size=None))
        whole = [each.full_tensor() if hasattr(each, "full_tensor") else each for each in model.parameters()]
        results.append([parameter.detach().clone() for parameter in whole])
    return results


def shared_folder() -> str:
    """Make one folder that all processes write into and read from."""
    folder = [tempfile.mkdtemp()] if RANK == 0 else [""]
    if SIZE > 1:
        torch.distributed.broadcast_object_list(folder)
    return folder[0]


def resume(batches: list[list[tuple[Tensor, Tensor]]], weights: list[float], accumulate: int) -> list[list[Tensor]]:
    """Fit three epochs at once, and one epoch and then two from its checkpoint; return both models' parameters."""
    path, loader = f"{shared_folder()}/one.ckpt", DataLoader(batches[RANK], batch_size=None)
    options = {"accumulate_grad_batches": accumulate, "use_distributed_sampler": False}

    def model() -> Given:
        return Given(
            linear(), CLASSES, weighting=weights, optimizer=partial(torch.optim.Adam, lr=0.1), ignore_index=255
        )

    whole, first, second = model(), model(), model()
    trainer(max_epochs=3, **options).fit(whole, loader)
    fit = trainer(max_epochs=1, **options)
    fit.fit(first, loader)
    fit.save_checkpoint(path)
    trainer(max_epochs=3, **options).fit(second, loader, ckpt_path=path)
    return [[parameter.detach().clone() for parameter in each.parameters()] for each in (whole, second)]


def posthoc(part: TensorDataset, batch_size: int) -> dict[str, Any]:
    """Fit a temperature, offsets and τ on the dataset that all processes validate on; return what was fitted."""
    network = linear(torch.float32)
    with torch.no_grad():
        network.weight.copy_(torch.diag(torch.tensor([2.0, 1.0, 0.5])))
    callbacks = [TauNormalization(), TemperatureScaling(), ThresholdTuning(force=True)]
    fit = trainer(callbacks=callbacks, max_epochs=1, limit_train_batches=1)
    train = DataLoader(part, batch_size)
    model = Given(network, CLASSES, optimizer=partial(torch.optim.SGD, lr=0.0))
    fit.fit(model, train, DataLoader(part, batch_size))
    after_fit = [callback.parameters() for callback in callbacks]
    fit.validate(model, DataLoader(part, batch_size), verbose=False)
    return {"fit": after_fit, "validate": [callback.parameters() for callback in callbacks]}


def retrain(dataset: TensorDataset) -> dict[str, Any]:
    """Re-train the last layer after an epoch; return the parameters after one epoch, before and after the second."""

    class States(L.Callback):
        def __init__(self) -> None:
            self.states: list[list[Tensor]] = []

        def on_train_epoch_start(self, _trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            self.states.append([parameter.detach().clone() for parameter in pl_module.model.parameters()])

        on_train_epoch_end = on_train_epoch_start

    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(CLASSES, 4), nn.ReLU(), nn.Linear(4, CLASSES))
    torch.manual_seed(RANK)
    states = States()
    fit = trainer(
        callbacks=[ClassifierRetraining(1), states],
        max_epochs=2,
        strategy="ddp_find_unused_parameters_true" if SIZE > 1 else "auto",
    )
    fit.fit(Given(network, CLASSES, optimizer=partial(torch.optim.SGD, lr=0.1)), DataLoader(dataset, 4))
    return {"first": states.states[1], "before": states.states[2], "after": states.states[3]}


def scale(batches: list[list[tuple[Tensor, Tensor]]], accumulate: int = 1) -> dict[str, Any]:
    """Learn factors of the logits after an epoch; return them, how the fit resumes, and what its checkpoint gives."""
    path, scaling, again = f"{shared_folder()}/scaled.ckpt", LearnableWeightScaling(1), LearnableWeightScaling(1)
    options = {
        "strategy": "ddp_find_unused_parameters_true" if SIZE > 1 else "auto",
        "accumulate_grad_batches": accumulate,
        "use_distributed_sampler": False,
    }

    def fit(callback: L.Callback, epochs: int, ckpt_path: str | None = None) -> tuple[Given, L.Trainer]:
        optimizer = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
        model = Given(linear(torch.float32), CLASSES, weighting="uniform", optimizer=optimizer)
        fitting = trainer(callbacks=[callback], max_epochs=epochs, **options)
        fitting.fit(model, DataLoader(batches[RANK], batch_size=None), ckpt_path=ckpt_path)
        return model, fitting

    model, _ = fit(scaling, 3)
    _, fitting = fit(LearnableWeightScaling(1), 2)
    fitting.save_checkpoint(path)
    fit(again, 3, path)
    fitting.save_checkpoint(path)
    loaded = Given.load_from_checkpoint(path, model=linear(torch.float32), strict=True)
    return {
        "scales": scaling.scales,
        "resumed": again.scales,
        "weight": model.model.weight.detach().clone(),
        "loaded": [(a == b).all().item() for a, b in zip(loaded.parameters(), fitting.model.parameters(), strict=True)],
    }


class Theirs(L.LightningModule):
    """A module that knows nothing of this package."""

    def __init__(self) -> None:
        super().__init__()
        self.model = linear(torch.float32)
        self.criterion = nn.CrossEntropyLoss()

    def training_step(self, batch: Any, _batch_idx: int) -> Tensor:
        return self.criterion(self.model(batch[0]), batch[1])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Gradients(L.Callback):
    """Keeps the gradients of each optimizer step."""

    def __init__(self) -> None:
        self.steps: list[list[Tensor]] = []

    def on_before_optimizer_step(self, _trainer: L.Trainer, pl_module: L.LightningModule, _optimizer: Any) -> None:
        self.steps.append([parameter.grad.clone() for parameter in pl_module.parameters()])


def apply_weights(parts: list[TensorDataset], batch_size: int) -> dict[str, Any]:
    """Fit somebody else's module on ``parts[rank]`` with applied weights, and once more from its checkpoint."""
    path, loader = f"{shared_folder()}/theirs.ckpt", DataLoader(parts[RANK], batch_size)
    weights, gradients = ApplyClassWeights(), Gradients()
    fit = trainer(callbacks=[weights, gradients], max_epochs=1, use_distributed_sampler=False)
    module = Theirs()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit.fit(module, loader)
    fit.save_checkpoint(path)
    again = ApplyClassWeights(weighting="uniform", replace=True)
    resumed = Theirs()
    trainer(callbacks=[again], max_epochs=1, use_distributed_sampler=False).fit(resumed, loader, ckpt_path=path)
    return {
        "counts": weights.distribution.counts.tolist(),
        "in_force": module.criterion.weight.tolist(),
        "warned": [text for each in caught if "must count the same" in (text := str(each.message))],
        "gradients": gradients.steps,
        "parameters": [parameter.detach().clone() for parameter in module.parameters()],
        "loaded": list(Theirs.load_from_checkpoint(path, strict=True).parameters()),
        "restored": resumed.criterion.weight.tolist(),
    }


class Drawn(WeightedClassifier):
    """Remembers the samples of each epoch; a sample's input is its index."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Linear(1, CLASSES), weighting="uniform")
        self.epochs: list[list[int]] = []

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.epochs[-1] += batch[0].flatten().int().tolist()
        return super().training_step(batch, batch_idx)


def balanced_draws(counts: list[int], workers: int, path: str | None = None, stop: int = 3) -> dict[str, Any]:
    """Fit with a balanced datamodule for three epochs, or up to ``stop`` and from the checkpoint in ``path`` on."""
    target = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    dataset = TensorDataset(torch.arange(len(target)).float()[:, None], target)
    inside = L.LightningDataModule()
    inside.train_dataloader = lambda: DataLoader(dataset, batch_size=3, num_workers=workers)  # type: ignore[method-assign]
    data, model = RebalancedDataModule(inside, seed=5), Drawn()
    fit = trainer(max_epochs=stop)
    fit.fit(model, datamodule=data, ckpt_path=path if stop == 3 else None)
    if path and stop < 3:
        fit.save_checkpoint(path)
    sampler = fit.train_dataloader.sampler
    return {
        "sampler": type(sampler).__name__,
        "length": len(sampler),
        "epochs": model.epochs,
        "prior": model.training_prior.tolist(),
        "weight": model.model.weight.flatten().tolist(),
    }


def train_gan(dataset: TensorDataset, epochs: int) -> dict[str, Any]:
    """Fit a generator of samples; return all parameters and buffers, what was logged, and some samples."""
    torch.manual_seed(0)
    gan = ConditionalGAN(num_features=dataset.tensors[0].shape[1], latent_size=4, width=8)
    torch.manual_seed(RANK)
    fit = trainer(max_epochs=epochs)
    fit.fit(gan, DataLoader(dataset, 8), DataLoader(dataset, 8))
    return {
        "state": {name: value.clone() for name, value in gan.state_dict().items()},
        "logged": {name: value.item() for name, value in fit.callback_metrics.items()},
        "updates": int(gan.average.updates),
        "samples": gan.generate([3, 3, 3], seed=0)[0],
    }


class Seen(L.LightningModule):
    """Remembers the batches that it is trained on, by epoch."""

    def __init__(self, loader: DataLoader | None = None) -> None:
        super().__init__()
        self.layer, self.loader = nn.Linear(1, 1), loader
        self.epochs: list[list[list[int]]] = []

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batch: tuple[Tensor, Tensor], _batch_idx: int) -> Tensor:
        self.epochs[-1].append(batch[0].tolist())
        return self.layer(batch[0][:, None].float()).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


class InHook(Seen):
    """Makes its dataloader where Lightning looks at how that is done."""

    def train_dataloader(self) -> DataLoader:
        return self.loader()


def samplers(labels: Tensor, workers: int, *, kind: str, in_hook: bool) -> dict[str, Any]:
    """Fit two epochs with a sampler made for no process in particular; return what this one was trained on."""
    dataset = TensorDataset(torch.arange(len(labels)), labels)

    def loader() -> DataLoader:
        if kind == "batches":
            sampler = MPerClassSampler(labels, 2, batch_size=4)
            return DataLoader(dataset, batch_sampler=sampler, num_workers=workers)
        return DataLoader(dataset, 4, sampler=ClassBalancedSampler(labels), num_workers=workers)

    module = InHook(loader) if in_hook else Seen()
    fit = trainer(max_epochs=2)
    fit.fit(module, *([] if in_hook else [loader()]))
    used = fit.train_dataloader.batch_sampler if kind == "batches" else fit.train_dataloader.sampler
    return {"epochs": module.epochs, "sampler": type(used).__name__, "steps": fit.global_step}


def sampler_before_the_group(labels: list[int]) -> dict[str, Any]:
    """Make a sampler while no process group is there, and ask it again when there is one."""
    original = torch.distributed.is_initialized
    torch.distributed.is_initialized = lambda: False
    try:
        sampler = ClassBalancedSampler(labels)
        alone = (len(sampler), sampler.rank, sampler.num_replicas, list(sampler))
    finally:
        torch.distributed.is_initialized = original
    return {"alone": alone, "together": (len(sampler), sampler.rank, sampler.num_replicas, list(sampler))}


class Shared(IterableDataset):
    """A stream that each process and each of its workers reads a part of."""

    def __init__(self, labels: list[int]) -> None:
        self.labels = labels

    def __iter__(self) -> Iterator[tuple[int, int]]:
        info = torch.utils.data.get_worker_info()
        number, of = (0, 1) if info is None else (info.id, info.num_workers)
        for index in range(RANK * of + number, len(self.labels), SIZE * of):
            yield index, self.labels[index]


def balanced_stream(labels: list[int], workers: int) -> list[list[list[int]]]:
    """Fit two epochs on a balanced stream; return what this process was trained on."""
    balancer = IterableBalancer(Shared(labels), ClassDistribution.from_labels(labels))
    module = Seen()
    trainer(max_epochs=2, limit_train_batches=4).fit(module, DataLoader(balancer, 2, num_workers=workers))
    return module.epochs
