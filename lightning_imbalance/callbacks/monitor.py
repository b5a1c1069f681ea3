"""The callback that shows what accuracy hides: every class's recall, while the model trains."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from lightning_imbalance.callbacks.evaluation_pictures import EvaluationPictures, check_plot
from lightning_imbalance.callbacks.evaluation_warnings import absence, indecision
from lightning_imbalance.callbacks.extra_metrics import Extra, check_extra, measured
from lightning_imbalance.callbacks.step_reader import Extract, StepReader
from lightning_imbalance.callbacks.tally import Tally, TallyKind
from lightning_imbalance.callbacks.usable_names import usable_names
from lightning_imbalance.checks import check_class_names, check_task
from lightning_imbalance.class_report import ClassReport
from lightning_imbalance.counting import TASKS, Task
from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.gathering import gathered
from lightning_imbalance.own_samples import loaders_at_work, own_samples
from lightning_imbalance.synthesis.real_samples import require_real_samples

if TYPE_CHECKING:
    from rich.table import Table as RichTable


class ImbalanceMonitor(L.Callback):
    """Logs each class's recall and the balanced accuracy of any LightningModule.

    The module's steps return a mapping with logits (or predictions) and targets, as
    :class:`~lightning_imbalance.WeightedClassifier` does, or an object with the attribute ``logits``, as Hugging Face's
    models do; targets that a step does not return are those of its batch. For steps that return the loss alone there is
    ``logits_from``, for any others ``extract``. Figures are
    computed once an epoch over all samples, dataloaders apart, processes together. A sample that a
    ``DistributedSampler`` repeats, to give each process as many, counts once.

    Logged, with the stage ``val`` or ``test`` (and ``train`` if asked) in front: ``val_balanced_accuracy``,
    ``val_worst_class_recall``, ``val_geometric_mean``, ``val_macro_f1``, ``val_recall/<class name>``, and where
    training counts are known ``val_recall_many``, ``val_recall_medium``, ``val_recall_few``; with several dataloaders
    followed by ``/dataloader_idx_<i>``. Each can be the ``monitor`` of ModelCheckpoint and EarlyStopping. A class
    without samples is not logged, and one warning names it. A sample whose logits are NaN counts as missed (for
    ``multilabel`` as not predicted), and one warning a stage and dataloader names the classes.

    Args:
        train: Also log the training batches' figures, taken while the model changes.
        print_table: Print the table of classes at the end of each validation and test.
        class_names: One name a class; by default the module's ``class_names``, else the indices.
        distribution: The training data's classes, for the groups; by default the module's ``distribution``.
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``; by default the module's ``task``, else multiclass.
        num_classes: Number of classes; by default the module's ``num_classes``, else the width of the logits.
        ignore_index: Targets of this value are left out; by default the module's ``ignore_index``.
        logits_key: Key of the logits in what a step returns.
        preds_key: Key of predictions (class indices, or probabilities), looked for where there are no logits.
        target_key: Key of the targets, in what a step returns or in its batch.
        logits_from: Name of the submodule whose output are the logits (``"model"``, ``"net.head"``), for steps that do
            not return them. What it returns last in a step is taken, with the targets of the batch.
        extract: ``(outputs, batch) -> (predictions, target)`` for steps that return something else. Predictions are
            class indices, or for ``multiclass`` logits or probabilities, for the other tasks probabilities.
        many: Classes with more training samples than this are in the group ``many``.
        few: Classes with fewer training samples than this are in the group ``few``.
        plot: Draw the recall of each class and the confusion matrix (:mod:`lightning_imbalance.plots`) at the end of
            each validation and test, or with a number k of every k-th epoch of a fit, and give them to the loggers:
            TensorBoard, Weights & Biases, MLflow, and as files in the folder of a CSV logger. The matrix is left out
            for ``multilabel`` and beyond 2,000 classes. Needs matplotlib.
        extra: More metrics: ``"average_precision"``, ``"auroc"``, any torchmetrics ``Metric`` or ``MetricCollection``,
            or several of these in a list. The named ones are logged for each class (against the others) and as
            ``val_mean_<name>`` over the classes, and need no more memory for more samples. A metric of torchmetrics' is
            copied for each evaluation, and given probabilities (what the step returned, where it returns predictions)
            and targets, ignored ones too: it has an ``ignore_index`` of its own. It is logged as ``val_<name>``, or
            where it computes one number a class as ``val_<name>/<class name>``.
        max_logged_classes: Up to this many classes are logged one by one with ``self.log``. Beyond it that costs
            hundreds of milliseconds an epoch, so the vector goes to the loggers at once and cannot be monitored.

    Attributes:
        results: The numbers of the last evaluation by stage: ``results["val"]["recall"]["cat"]``; those of ``extra`` by
            the name under which they are logged in ``results["val"]["extra"]``.
        confusion: By the same keys the matrix of the last evaluation, with ``plot``: row i, column j counts the samples
            of class i that were predicted as class j.

    Raises:
        ModuleNotFoundError: ``plot`` is asked for without matplotlib.
        TypeError: ``extra`` or ``extract`` is something else.
        ValueError: ``few`` is greater than ``many``, or another argument has a value that cannot work.

    Example:
        >>> import torch, lightning as L
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance import WeightedClassifier
        >>> data = DataLoader(TensorDataset(torch.eye(2).repeat(8, 1), torch.tensor([0, 1]).repeat(8)), batch_size=4)
        >>> monitor = ImbalanceMonitor()
        >>> trainer = L.Trainer(callbacks=[monitor], logger=False, enable_progress_bar=False, accelerator="cpu")
        >>> _ = trainer.validate(WeightedClassifier(torch.nn.Identity(), num_classes=2), data, verbose=False)
        >>> monitor.results["val"]["recall"]
        {'0': 1.0, '1': 1.0}
    """

    def __init__(
        self,
        *,
        train: bool = False,
        print_table: bool = False,
        class_names: Sequence[str] | None = None,
        distribution: ClassDistribution | None = None,
        task: Task | None = None,
        num_classes: int | None = None,
        ignore_index: int | None = None,
        logits_key: str = "logits",
        preds_key: str = "preds",
        target_key: str = "target",
        extract: Extract | None = None,
        logits_from: str | None = None,
        many: int = 100,
        few: int = 20,
        max_logged_classes: int = 100,
        plot: bool | int = False,
        extra: Extra | Sequence[Extra] | None = None,
    ) -> None:
        if few > many:
            msg = f"`few` must be at most `many`, got few={few} and many={many}."
            raise ValueError(msg)
        if task is not None:
            check_task(task)
        if class_names is not None:
            num_classes = len(class_names) if num_classes is None else num_classes
            class_names = check_class_names(class_names, num_classes)
        self.train = train
        self.print_table = print_table
        self.class_names = class_names
        self.distribution = distribution
        self.task = task
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.reader = StepReader((logits_key, preds_key, target_key), extract, logits_from)
        self.many = many
        self.few = few
        self.max_logged_classes = max_logged_classes
        self.plot = check_plot(plot)
        self.extra = check_extra(extra)
        self.confusion: dict[str, Tensor] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self._reports: dict[str, ClassReport] = {}
        self._recalls: defaultdict[str, dict[int, Tensor]] = defaultdict(dict)
        self._pictures = EvaluationPictures(self.plot)
        self._counts: defaultdict[str, dict[int, Tally]] = defaultdict(dict)
        self._warned: set[tuple[str, ...]] = set()

    def table(self, stage: str | None = None) -> RichTable:
        """Return the classes of the last evaluation as a table.

        Args:
            stage: A key of :attr:`results`, such as ``"val"`` or ``"val/dataloader_idx_1"``; by default the latest.

        Returns:
            A row a class: samples, recall with its 95 % Wilson interval, predictions.

        Raises:
            ValueError: There is no such evaluation yet.
        """
        if stage is None and self._reports:
            stage = list(self._reports)[-1]
        return self._report_of(stage).table().__rich__()

    def history(self, stage: str = "val") -> dict[int, dict[str, float]]:
        """Return the recall of each class after each epoch of a fit, as this process has seen them.

        Args:
            stage: As in :meth:`table`.

        Returns:
            Recall by class name, by epoch; NaN where a class had no sample. Of several validations in one epoch, the
            last. :func:`lightning_imbalance.plots.recall_over_epochs` draws it.

        Raises:
            ValueError: There is no such evaluation yet.
        """
        names = self._report_of(stage).class_names
        return {epoch: dict(zip(names, recall.tolist(), strict=True)) for epoch, recall in self._recalls[stage].items()}

    def _report_of(self, stage: str | None) -> ClassReport:
        if stage not in self._reports:
            known = ", ".join(map(repr, self._reports)) or "none: run `trainer.validate` or `trainer.fit` first"
            msg = f"`stage` must be one of the evaluations so far ({known}), got {stage!r}."
            raise ValueError(msg)
        return self._reports[stage]

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Watch the submodule that ``logits_from`` names."""
        del trainer, stage
        self.reader.watch(pl_module)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Leave the module as it was."""
        del trainer, pl_module, stage
        self.reader.unwatch()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Leave the module as it was."""
        del trainer, pl_module, exception
        self.reader.unwatch()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin the epoch's counts."""
        del trainer, pl_module
        self._counts["train"] = {}

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin the evaluation's counts; synthetic samples are refused."""
        del pl_module
        require_real_samples(loaders_at_work(trainer), "validation")
        self.reader.forget()
        self._counts["val"] = {}

    def on_test_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin the evaluation's counts; synthetic samples are refused."""
        del pl_module
        require_real_samples(loaders_at_work(trainer), "test")
        self.reader.forget()
        self._counts["test"] = {}

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a training batch, if asked."""
        if self.train and outputs:  # a step that returns None skips its batch
            self._count("train", pl_module, outputs, batch, 0, own_samples(trainer, batch_idx))

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a validation batch."""
        own = own_samples(trainer, batch_idx, dataloader_idx)
        self._count("val", pl_module, outputs, batch, dataloader_idx, own)

    def on_test_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a test batch."""
        own = own_samples(trainer, batch_idx, dataloader_idx)
        self._count("test", pl_module, outputs, batch, dataloader_idx, own)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the training figures, if asked."""
        if self.train:
            self._report("train", trainer, pl_module, 1)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the validation figures."""
        if not trainer.sanity_checking:
            self._report("val", trainer, pl_module, len(trainer.num_val_batches))

    def on_test_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the test figures."""
        self._report("test", trainer, pl_module, len(trainer.num_test_batches))

    def _count(
        self,
        stage: str,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        dataloader_idx: int,
        own: tuple[int, int] | None,
    ) -> None:
        task = self._task(pl_module)
        step = self.reader.read(outputs, batch, task)
        tally = self._counts[stage].get(dataloader_idx)
        if tally is None:
            # The width of the logits is a fact; another module's `num_classes` may be 1 for a yes-or-no question.
            num_classes = self.num_classes or step.num_classes or getattr(pl_module, "num_classes", None)
            if num_classes is None:
                msg = (
                    "`num_classes` must be given where steps return class indices and the module has no `num_classes`, "
                    "got None. Pass `ImbalanceMonitor(num_classes=...)`."
                )
                raise ValueError(msg)
            kind = TallyKind(num_classes, task, self._pictures.need_matrix(stage, num_classes, task))
            tally = Tally(kind, self._ignored(pl_module), self.extra, step.target.device)
            self._counts[stage][dataloader_idx] = tally
        tally.add(step, own)

    def _report(self, stage: str, trainer: L.Trainer, pl_module: L.LightningModule, dataloaders: int) -> None:
        self._complete(self._counts[stage], trainer, pl_module)
        for index, tally in sorted(self._counts[stage].items()):
            suffix = f"/dataloader_idx_{index}" if dataloaders > 1 else ""
            names = self._names(pl_module, tally.kind.num_classes, tally.kind.task)
            # Every process must get here: this sums over them.
            tallied = tally.together(names)
            report = ClassReport(
                tallied.counts,
                names,
                tally.kind.task,
                self._training_distribution(pl_module, tally.kind.num_classes),
                self.many,
                self.few,
            )
            key = f"{stage}{suffix}"
            self._reports.pop(key, None)
            self._reports[key] = report
            self.results[key] = report.to_dict() | ({"extra": tallied.extra} if self.extra else {})
            if trainer.state.fn == "fit":
                self._recalls[key][trainer.current_epoch] = torch.tensor(list(report.recall.values()))
            self._warn_once(key, *report.absent, text=absence(key, report))
            self._warn_once("undecided", key, text=indecision(key, report))
            self._log(stage, suffix, report, measured(tallied.extra), trainer, pl_module)
            if tallied.matrix is not None:
                self.confusion[key] = tallied.matrix
            if self.print_table and stage != "train":
                self._print(trainer, key, report)
            if stage != "train":
                self._pictures.send(trainer, stage, suffix, report, tallied.matrix)

    def _complete(self, counts: dict[int, Tally], trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Make counts of nothing where only other processes have seen a batch: they wait for ours."""
        kinds = {index: tally.kind for index, tally in counts.items()}
        for elsewhere in gathered(kinds, trainer.world_size):
            for index, kind in elsewhere.items():
                if index not in counts:
                    counts[index] = Tally(kind, self._ignored(pl_module), self.extra, pl_module.device)

    def _log(
        self,
        stage: str,
        suffix: str,
        report: ClassReport,
        extra: dict[str, float],
        trainer: L.Trainer,
        pl_module: L.LightningModule,
    ) -> None:
        by_class = {f"recall/{name}": value for name, value in report.recall.items() if not math.isnan(value)}
        by_class |= {name: value for name, value in extra.items() if "/" in name}
        one_by_one = len(report.class_names) <= self.max_logged_classes
        values = report.aggregates() | {name: value for name, value in extra.items() if "/" not in name}
        values |= by_class if one_by_one else {}
        # The counts are summed already; sync_dist only keeps Lightning from warning.
        pl_module.log_dict(
            {f"{stage}_{name}{suffix}": value for name, value in values.items()},
            on_step=False,
            on_epoch=True,
            sync_dist=trainer.world_size > 1,
            add_dataloader_idx=False,
        )
        if not one_by_one and trainer.is_global_zero:
            for logger in trainer.loggers:
                vector = {f"{stage}_{name}{suffix}": value for name, value in by_class.items()}
                logger.log_metrics(vector, step=trainer.global_step)

    def _print(self, trainer: L.Trainer, key: str, report: ClassReport) -> None:
        text = f"\n{key}, epoch {trainer.current_epoch}: {report.table()}"
        if trainer.is_global_zero:
            # A bar prints above itself; a bare print would tear it.
            bar = trainer.progress_bar_callback
            (print if bar is None or getattr(bar, "is_disabled", False) else bar.print)(text)

    def _warn_once(self, *about: str, text: str | None) -> None:
        if text is not None and about not in self._warned:
            self._warned.add(about)
            rank_zero_warn(text)

    def _names(self, pl_module: L.LightningModule, num_classes: int, task: Task) -> tuple[str, ...]:
        given = self.class_names if self.distribution is None else self.class_names or self.distribution.class_names
        return usable_names(getattr(pl_module, "class_names", None) if given is None else given, num_classes, task)

    def _training_distribution(self, pl_module: L.LightningModule, num_classes: int) -> ClassDistribution | None:
        distribution = self._setting(pl_module, "distribution")
        known = isinstance(distribution, ClassDistribution) and distribution.num_classes == num_classes
        return distribution if known else None

    def _task(self, pl_module: L.LightningModule) -> Task:
        # Other modules have a `task` too, and mean something else by it.
        task: Task = self._setting(pl_module, "task")
        return task if task in TASKS else "multiclass"

    def _ignored(self, pl_module: L.LightningModule) -> int | None:
        value = self._setting(pl_module, "ignore_index")
        return value if isinstance(value, int) else None

    def _setting(self, pl_module: L.LightningModule, name: str) -> Any:
        own = getattr(self, name)
        return getattr(pl_module, name, None) if own is None else own
