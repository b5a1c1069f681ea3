"""How many samples each class has: the one value that everything else reads.

Weights, losses, samplers, corrections, metrics and reports take a :class:`ClassDistribution`; nothing counts again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from lightning_imbalance import labels as reading
from lightning_imbalance.checks import (
    check_class_names,
    check_counts,
    check_num_classes,
    check_num_samples,
    check_task,
    listed,
)
from lightning_imbalance.counting import Counts, Task, count_labels, encode
from lightning_imbalance.drawing import count_bars
from lightning_imbalance.tables import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table as RichTable

_BINARY_NAMES = ("negative", "positive")


@final
class ClassDistribution:
    """The number of training samples of each class, as an immutable value.

    Args:
        counts: Samples of each class, shape ``(C,)``, integers from 0 on. For ``binary`` two entries, negative then
            positive; for ``multilabel`` the positives of each label.
        class_names: One name a class, all different. By default classes are named by their index (``binary``:
            ``negative``, ``positive``).
        task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``, torchmetrics' names.
        num_samples: Needed for ``multilabel``, where a row may have any number of labels: the number of rows.
            Elsewhere it is the sum of the counts.

    Raises:
        TypeError: ``counts`` are not integers.
        ValueError: ``counts`` are empty, negative or all zero, or another argument does not fit them.

    Example:
        >>> distribution = ClassDistribution([60, 30, 10], class_names=["nevus", "keratosis", "melanoma"])
        >>> print(distribution)
        3 classes, 100 samples, imbalance ratio 6
         class       count   share   group
        ────────────────────────────────────
         nevus          60   60.0%   medium
         keratosis      30   30.0%   medium
         melanoma       10   10.0%   few
        >>> distribution.priors
        tensor([0.6000, 0.3000, 0.1000], dtype=torch.float64)
    """

    __slots__ = ("_class_names", "_counts", "_num_samples", "_task")

    def __init__(
        self,
        counts: Sequence[int] | Tensor,
        class_names: Sequence[str] | None = None,
        task: Task = "multiclass",
        num_samples: int | None = None,
    ) -> None:
        self._task = check_task(task)
        self._counts = check_counts(counts, task)
        self._class_names = check_class_names(class_names, len(self._counts))
        self._num_samples = check_num_samples(num_samples, self._counts, task)

    @classmethod
    def from_labels(
        cls,
        labels: object,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
    ) -> ClassDistribution:
        """Count labels that are in memory.

        Args:
            labels: A tensor, array, list or pandas column. ``multiclass``: class indices ``(N,)``, dense class indices
                ``(N, d1, ...)``, or strings. ``binary``: 0 and 1. ``multilabel``: 0 and 1, shape ``(N, C)``.
            num_classes: Number of classes; by default the number of ``class_names``, else the largest label plus one.
            class_names: One name a class, in the order of the model's outputs. Needed where labels are strings.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
            ignore_index: Labels of this value are left out (255 in many segmentation masks). In ``multilabel``
                such an entry is an error: it would be taken for a negative.

        Returns:
            The distribution.

        Raises:
            TypeError: The labels are fractions, or nothing that can be read as labels.
            ValueError: There are no labels, one is outside the classes, or they are strings without ``class_names``.

        Example:
            >>> ClassDistribution.from_labels(["b", "a", "b"], class_names=["a", "b"])
            ClassDistribution([1, 2], class_names=['a', 'b'])
        """
        chunk = reading.as_labels(labels)
        return cls.from_stream(reading.Stream(None, iter([chunk])), num_classes, class_names, task, ignore_index)

    @classmethod
    def from_dataset(
        cls,
        dataset: object,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
        max_samples: int | None = None,
    ) -> ClassDistribution:
        """Count the labels of a dataset, without loading a sample when its labels are at hand.

        Labels are at hand in torchvision's datasets, ``TensorDataset``, Hugging Face datasets, subsets and
        concatenations of them, in a dataset with a method ``class_labels()``, and in one registered with
        :func:`lightning_imbalance.labels.register`. Others are scanned sample by sample.

        Args:
            dataset: The training data.
            num_classes: Number of classes; by default what the dataset says, else the largest label plus one.
            class_names: One name a class; by default what the dataset says.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
            ignore_index: Labels of this value are left out.
            max_samples: Scan at most this many samples; required for an endless iterable.

        Returns:
            The distribution.

        Raises:
            TypeError: The dataset has no class labels, or they are fractions.
            ValueError: The dataset is empty, endless, or a label is outside the classes.

        Example:
            >>> from torch.utils.data import TensorDataset
            >>> dataset = TensorDataset(torch.zeros(4, 2), torch.tensor([0, 0, 1, 0]))
            >>> ClassDistribution.from_dataset(dataset)
            ClassDistribution([3, 1])
        """
        stream = reading.stream(dataset, max_samples=max_samples)
        return cls.from_stream(stream, num_classes, class_names, task, ignore_index)

    @classmethod
    def from_dataloader(
        cls,
        loader: object,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
        max_samples: int | None = None,
    ) -> ClassDistribution:
        """Count the labels of the samples that a :class:`~torch.utils.data.DataLoader` draws from.

        A subset sampler limits the count to its subset. A sampler with weights does not change the count: it says
        which samples there are, not how often one is drawn.

        Args:
            loader: The training dataloader.
            num_classes: As in :meth:`from_dataset`, like the other arguments.
            class_names: One name a class.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
            ignore_index: Labels of this value are left out.
            max_samples: Scan at most this many samples.

        Returns:
            The distribution.

        Raises:
            TypeError: As :meth:`from_dataset`.
            ValueError: As :meth:`from_dataset`.

        Example:
            >>> from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset
            >>> dataset = TensorDataset(torch.zeros(4, 2), torch.tensor([0, 0, 1, 0]))
            >>> ClassDistribution.from_dataloader(DataLoader(dataset, sampler=SubsetRandomSampler([0, 2])))
            ClassDistribution([1, 1])
        """
        stream = reading.stream(loader, max_samples=max_samples)
        return cls.from_stream(stream, num_classes, class_names, task, ignore_index)

    @classmethod
    def from_datamodule(
        cls,
        datamodule: object,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
        max_samples: int | None = None,
    ) -> ClassDistribution:
        """Count the labels of a LightningDataModule's training data.

        A datamodule that no Trainer has set up yet gets ``prepare_data()`` and ``setup("fit")`` first.

        Args:
            datamodule: Anything with a method ``train_dataloader()`` that returns one dataloader.
            num_classes: As in :meth:`from_dataset`, like the other arguments.
            class_names: One name a class; by default the dataset's, else the datamodule's ``class_names``.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
            ignore_index: Labels of this value are left out.
            max_samples: Scan at most this many samples.

        Returns:
            The distribution.

        Raises:
            TypeError: There is no ``train_dataloader``, or as :meth:`from_dataset`.
            ValueError: As :meth:`from_dataset`.

        Example:
            >>> from lightning import LightningDataModule
            >>> from torch.utils.data import DataLoader, TensorDataset
            >>> dataset = TensorDataset(torch.zeros(4, 2), torch.tensor([0, 0, 1, 0]))
            >>> ClassDistribution.from_datamodule(LightningDataModule.from_datasets(dataset))
            ClassDistribution([3, 1])
        """
        stream = reading.stream(reading.training_loader(datamodule), max_samples=max_samples)
        stream = reading.names_of(datamodule, stream)
        return cls.from_stream(stream, num_classes, class_names, task, ignore_index)

    @classmethod
    def from_stream(
        cls,
        stream: reading.Stream,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        task: Task = "multiclass",
        ignore_index: int | None = None,
        add_shares: Callable[[Counts], Counts] | None = None,
    ) -> ClassDistribution:
        """Count labels as they arrive; the other constructors end here.

        Args:
            stream: What :func:`lightning_imbalance.labels.stream` gives.
            num_classes: As in :meth:`from_dataset`, like the other arguments.
            class_names: One name a class; by default the stream's.
            task: ``"multiclass"``, ``"binary"`` or ``"multilabel"``.
            ignore_index: Labels of this value are left out.
            add_shares: From the counts of this process to those of all, for a stream that is one process's share.

        Returns:
            The distribution.

        Raises:
            TypeError: As :meth:`from_dataset`.
            ValueError: As :meth:`from_dataset`.

        Example:
            >>> ClassDistribution.from_stream(reading.Stream(("cat", "dog"), iter([torch.tensor([0, 1, 1])])))
            ClassDistribution([1, 2], class_names=['cat', 'dog'])
        """
        check_task(task)
        names_in_data = stream.class_names
        names = class_names if class_names is not None else names_in_data
        num_classes = check_num_classes(len(names) if num_classes is None and names is not None else num_classes, task)
        if names is not None and num_classes is not None and len(names) != num_classes:
            whose = "`class_names`" if class_names is not None else "the data's class names"
            msg = (
                f"`num_classes` must equal the number of {whose}, {len(names)} ({listed(names)}), got {num_classes}. "
                "Pass a name for each output of the model as `class_names`."
            )
            raise ValueError(msg)
        if class_names is not None and names_in_data is not None and tuple(class_names) != tuple(names_in_data):
            _refuse_other_order(class_names, names_in_data)
        total = Counts(torch.zeros(num_classes or 0, dtype=torch.int64), 0)
        for chunk in stream.chunks:
            tensor = chunk if isinstance(chunk, Tensor) else encode(chunk, names)
            total += count_labels(tensor, task=task, num_classes=num_classes, ignore_index=ignore_index)
        if stream.shared and add_shares is not None:
            total = add_shares(total)
        if total.num_samples == 0:
            what = "all of them are `ignore_index`" if ignore_index is not None else "there are none"
            msg = f"the training data must hold at least one label, got an empty data set ({what})."
            raise ValueError(msg)
        return cls(total.per_class, names, task, total.num_samples)

    @property
    def counts(self) -> Tensor:
        """Samples of each class, shape ``(C,)``, int64; a new tensor at each call, so that the value stays frozen."""
        return torch.tensor(self._counts, dtype=torch.int64)

    @property
    def num_classes(self) -> int:
        """Number of classes C (2 for ``binary``)."""
        return len(self._counts)

    @property
    def num_samples(self) -> int:
        """Number of training samples; labels (pixels) for dense labels, rows for ``multilabel``."""
        return self._num_samples

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name a class; the index as a string (``binary``: negative, positive) where none were given."""
        if self._class_names is not None:
            return self._class_names
        return _BINARY_NAMES if self._task == "binary" else tuple(map(str, range(self.num_classes)))

    @property
    def task(self) -> Task:
        """``"multiclass"``, ``"binary"`` or ``"multilabel"``."""
        return self._task

    @property
    def priors(self) -> Tensor:
        """Share of the samples that each class has, shape ``(C,)``, float64. Sums to 1 except for ``multilabel``."""
        return self.counts.double() / self._num_samples

    @property
    def log_priors(self) -> Tensor:
        """Natural logarithm of :attr:`priors`, shape ``(C,)``, float64; ``-inf`` for a class without samples."""
        return self.priors.log()

    @property
    def imbalance_ratio(self) -> float:
        """Largest count divided by the smallest count of a class that has samples; 1 is balanced."""
        present = [count for count in self._counts if count]
        return max(present) / min(present) if present else 1.0

    @property
    def absent(self) -> tuple[int, ...]:
        """Indices of the classes without a sample."""
        return tuple(i for i, count in enumerate(self._counts) if count == 0)

    @property
    def rarest(self) -> int:
        """Index of the class with the fewest samples among those that have some; 0 where none has."""
        present = [(count, index) for index, count in enumerate(self._counts) if count]
        return min(present, default=(0, 0))[1]

    def groups(self, many: int = 100, few: int = 20) -> dict[str, tuple[int, ...]]:
        """Split the classes by size, as the long-tail literature does.

        The bounds are those of Liu et al. 2019, "Large-Scale Long-Tailed Recognition in an Open World".

        Args:
            many: Classes with more samples than this are ``"many"``.
            few: Classes with fewer samples than this are ``"few"``.

        Returns:
            The class indices of ``"many"``, ``"medium"`` and ``"few"``; a group may be empty.

        Raises:
            ValueError: ``few`` is greater than ``many``.

        Example:
            >>> ClassDistribution([5000, 100, 20, 19]).groups()
            {'many': (0,), 'medium': (1, 2), 'few': (3,)}
        """
        if few > many:
            msg = f"`few` must be at most `many`, got few={few} and many={many}."
            raise ValueError(msg)
        groups: dict[str, list[int]] = {"many": [], "medium": [], "few": []}
        for index, count in enumerate(self._counts):
            groups["many" if count > many else "few" if count < few else "medium"].append(index)
        return {name: tuple(members) for name, members in groups.items()}

    def plot(self, many: int = 100, few: int = 20) -> Figure:
        """Draw the counts as bars, from the most frequent class to the rarest, on a logarithmic scale.

        The groups of :meth:`groups` are shaded. Needs matplotlib, which the extra ``plots`` installs.

        Args:
            many: Classes with more samples than this are in the group ``many``.
            few: Classes with fewer samples than this are in the group ``few``.

        Returns:
            The figure; nothing is shown, and pyplot does not know it. A notebook shows it as the value of a cell;
            ``figure.savefig("counts.png")`` writes it.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
            ValueError: ``few`` is greater than ``many``.

        Example:
            >>> figure = ClassDistribution([60, 30, 10], class_names=["nevus", "keratosis", "melanoma"]).plot()
            >>> figure.axes[0].get_title(loc="left")
            '3 classes, 100 samples, imbalance ratio 6'
        """
        groups = self.groups(many, few)
        unit = "positives" if self._task == "multilabel" else "samples"
        return count_bars(self.class_names, self._counts, groups, self._headline(), unit)

    def summary(self) -> str:
        """Return classes and counts in one line, for messages.

        Returns:
            The first ten classes with their counts, and the number of samples.

        Example:
            >>> ClassDistribution([60, 30], class_names=["cat", "dog"]).summary()
            "90 samples ('cat' 60, 'dog' 30)"
        """
        counted = [f"{name!r} {count:,}" for name, count in zip(self.class_names[:10], self._counts, strict=False)]
        more = f", ... {self.num_classes} classes" if self.num_classes > 10 else ""
        return f"{self._num_samples:,} samples ({', '.join(counted)}{more})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain strings, numbers and lists, as checkpoints and JSON take them.

        Returns:
            The keys ``counts``, ``class_names`` (``None`` where none were given), ``task`` and ``num_samples``.

        Example:
            >>> ClassDistribution([3, 1]).to_dict()
            {'counts': [3, 1], 'class_names': None, 'task': 'multiclass', 'num_samples': 4}
        """
        return {
            "counts": list(self._counts),
            "class_names": None if self._class_names is None else list(self._class_names),
            "task": self._task,
            "num_samples": self._num_samples,
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> ClassDistribution:
        """Return the distribution that :meth:`to_dict` described.

        Args:
            state: The result of :meth:`to_dict`.

        Returns:
            An equal distribution.

        Raises:
            ValueError: A key is missing or unknown.

        Example:
            >>> distribution = ClassDistribution([3, 1], class_names=["a", "b"])
            >>> ClassDistribution.from_dict(distribution.to_dict()) == distribution
            True
        """
        expected = {"counts", "class_names", "task", "num_samples"}
        if set(state) != expected:
            msg = f"`state` must have the keys {sorted(expected)}, got {sorted(state)}."
            raise ValueError(msg)
        return cls(**state)

    def __eq__(self, other: object) -> bool:
        """Two distributions are equal when counts, names, task and number of samples are."""
        return self.to_dict() == other.to_dict() if isinstance(other, ClassDistribution) else NotImplemented

    def __hash__(self) -> int:
        """Equal distributions have equal hashes."""
        return hash((self._counts, self._class_names, self._task, self._num_samples))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a constructor call: the process that reads it checks the arguments again."""
        return ClassDistribution, (list(self._counts), self._class_names, self._task, self._num_samples)

    def __repr__(self) -> str:
        """Return the constructor call, defaults left out."""
        shown = [str(list(self._counts))]
        if self._class_names is not None:
            shown.append(f"class_names={list(self._class_names)}")
        if self._task != "multiclass":
            shown.append(f"task={self._task!r}")
        if self._task == "multilabel":
            shown.append(f"num_samples={self._num_samples}")
        return f"ClassDistribution({', '.join(shown)})"

    def __str__(self) -> str:
        """Return the table as text."""
        return str(self._table())

    def __rich__(self) -> RichTable:
        """Return the table for :func:`rich.print`."""
        return self._table().__rich__()

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _headline(self) -> str:
        ratio = f"{self.imbalance_ratio:.3g}" if self.imbalance_ratio < 1000 else f"{self.imbalance_ratio:,.0f}"
        what = "labels" if self._task == "multilabel" else "classes"
        counted = "rows" if self._task == "multilabel" else "samples"
        return f"{self.num_classes:,} {what}, {self._num_samples:,} {counted}, imbalance ratio {ratio}"

    def _table(self) -> Table:
        groups = {index: name for name, members in self.groups().items() for index in members}
        return Table(
            columns=(Column("class", "left"), Column("count"), Column("share"), Column("group", "left")),
            rows=tuple(
                (name, f"{count:,}", f"{prior:.1%}", groups[i])
                for i, (name, count, prior) in enumerate(
                    zip(self.class_names, self._counts, self.priors.tolist(), strict=True)
                )
            ),
            title=self._headline(),
        )


def _refuse_other_order(class_names: Sequence[str], names_in_data: Sequence[str]) -> None:
    if sorted(class_names) == sorted(names_in_data):
        msg = (
            f"`class_names` must be in the order of the data's labels, {listed(names_in_data)}, "
            f"got {listed(class_names)}. Leave them out, or name class 0 first."
        )
        raise ValueError(msg)
