from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, Logger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier, plots
from lightning_imbalance.callbacks.evaluation_pictures import EvaluationPictures

DATA = DataLoader(TensorDataset(torch.eye(3).repeat(4, 1), torch.tensor([0, 1, 1] * 4)), batch_size=5)


class Keeping(Logger):
    """Keeps the figures that it is given as TensorBoard is given them."""

    name, version = "keeping", 0

    def __init__(self):
        super().__init__()
        self.figures = {}

    @property
    def experiment(self):
        return self

    def add_figure(self, tag, figure, global_step, close):
        self.figures[tag, global_step] = figure

    def log_metrics(self, metrics, step=None):
        pass

    def log_hyperparams(self, *_args, **_kwargs):
        pass


class Board(Keeping):
    """Looks like a logger of TensorBoard, which is known by its module."""

    __module__ = "lightning.pytorch.loggers.tensorboard"


class Stranger(Keeping):
    """A logger that nobody knows."""


def classifier(names=("$cat", "_dog", "<owl>")):
    return WeightedClassifier(nn.Linear(3, 3), num_classes=3, class_names=list(names))


@pytest.mark.filterwarnings("ignore:no training sample of class", "ignore:no val sample of class")
@pytest.mark.parametrize(("plot", "steps"), [(True, [3, 6, 9, 12]), (2, [6, 12]), (3, [9]), (False, [])])
def test_pictures_come_every_k_epochs_and_not_from_the_sanity_check(plot, steps, tiny_trainer):
    board = Board()
    monitor = ImbalanceMonitor(plot=plot)

    tiny_trainer(callbacks=[monitor], logger=board, max_epochs=4, num_sanity_val_steps=1).fit(classifier(), DATA, DATA)

    assert sorted({step for _, step in board.figures}) == steps
    assert {tag for tag, _ in board.figures} == ({"val_recall", "val_confusion_matrix"} if steps else set())


@pytest.mark.filterwarnings("ignore:no val sample of class")
def test_pictures_show_the_evaluation_by_the_names_of_the_user(tiny_trainer):
    board = Board()
    model = WeightedClassifier(nn.Identity(), num_classes=3, class_names=["x", "y", "z"])
    trained = ClassDistribution([30, 200, 5], ["x", "y", "z"])
    monitor = ImbalanceMonitor(plot=5, class_names=["$cat", "_dog", "<owl>"], distribution=trained)

    tiny_trainer(callbacks=[monitor], logger=board).validate(model, DATA, verbose=False)

    recall, confusion = board.figures["val_recall", 0], board.figures["val_confusion_matrix", 0]
    assert [label.get_text() for label in recall.axes[0].get_yticklabels()] == ["_dog", "$cat", "<owl>"]
    assert recall.axes[0].lines[0].get_xdata()[:2].tolist() == [0.5, 1]
    assert confusion.axes[0].images[0].get_array()[1].tolist() == [0, 0.5, 0.5]
    assert monitor.confusion["val"].tolist() == [[4, 0, 0], [0, 4, 4], [0, 0, 0]]


@pytest.mark.filterwarnings("ignore:no .* sample of class")
def test_dataloaders_and_tests_have_pictures_of_their_own(tiny_trainer):
    board = Board()
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor(plot=True)], logger=board)

    trainer.validate(classifier(), [DATA, DATA], verbose=False)
    trainer.test(classifier(), DATA, verbose=False)

    assert {tag for tag, _ in board.figures} == {
        "val_recall/dataloader_idx_0",
        "val_recall/dataloader_idx_1",
        "val_confusion_matrix/dataloader_idx_0",
        "val_confusion_matrix/dataloader_idx_1",
        "test_recall",
        "test_confusion_matrix",
    }


@pytest.mark.filterwarnings("ignore:no training sample of class", "ignore:no val sample of class")
def test_a_csv_logger_has_them_in_its_folder(tiny_trainer, tmp_path):
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor(plot=True)], logger=CSVLogger(tmp_path), max_epochs=2)

    trainer.fit(classifier(), DATA, DATA)

    folder = Path(trainer.logger.log_dir) / "pictures"
    assert sorted(path.name for path in folder.iterdir()) == [
        "val_confusion_matrix-step=0000003.png",
        "val_confusion_matrix-step=0000006.png",
        "val_recall-step=0000003.png",
        "val_recall-step=0000006.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.iterdir())


@pytest.mark.filterwarnings("ignore:no training sample of class", "ignore:no val sample of class")
@pytest.mark.parametrize(
    ("logger", "message"),
    [
        (
            Stranger,
            "`plot` must have a logger of TensorBoard, Weights & Biases, MLflow or CSV files for its pictures, got Stranger, which gets none. Draw them with `lightning_imbalance.plots`.",
        ),
        (lambda: False, "`plot` has no logger to give its pictures to: pass `Trainer(logger=...)`."),
    ],
    ids=["unknown", "none"],
)
def test_who_takes_no_pictures_is_named_once(logger, message, tiny_trainer):
    trainer = tiny_trainer(callbacks=[ImbalanceMonitor(plot=True)], logger=logger(), max_epochs=3)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.fit(classifier(), DATA, DATA)

    assert [text for each in caught if (text := str(each.message)).startswith("`plot`")] == [message]


def test_a_dry_run_draws_and_says_nothing(tiny_trainer):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tiny_trainer(callbacks=[ImbalanceMonitor(plot=True)], logger=Board(), fast_dev_run=True).fit(
            classifier(), DATA, DATA
        )

    assert [text for each in caught if (text := str(each.message)).startswith("`plot`")] == []


def test_labels_that_exclude_nothing_have_no_matrix(tiny_trainer):
    board = Board()
    data = TensorDataset(torch.randn(8, 3), torch.tensor([[0, 1, 1], [1, 0, 0]] * 4))
    model = WeightedClassifier(nn.Identity(), num_classes=3, task="multilabel")

    tiny_trainer(callbacks=[ImbalanceMonitor(plot=True)], logger=board).validate(
        model, DataLoader(data, 4), verbose=False
    )

    assert {tag for tag, _ in board.figures} == {"val_recall"}


@pytest.mark.parametrize(
    ("asked", "counted"),
    [
        ((1, "val", 2000, "multiclass"), True),
        ((1, "val", 2001, "multiclass"), False),
        ((1, "train", 3, "multiclass"), False),
        ((1, "val", 3, "multilabel"), False),
        ((0, "val", 3, "multiclass"), False),
    ],
)
def test_the_matrix_is_counted_where_it_will_be_drawn(asked, counted):
    every, *what = asked

    assert EvaluationPictures(every).need_matrix(*what) is counted


@pytest.mark.parametrize("plot", [0, -1, 1.5, "yes"])
def test_what_is_no_number_of_epochs_is_refused(plot):
    with pytest.raises(ValueError) as error:
        ImbalanceMonitor(plot=plot)

    assert str(error.value) == f"`plot` must be an integer from 1 on, got {plot!r}."


def test_pictures_without_matplotlib_are_refused_by_the_constructor(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ModuleNotFoundError) as error:
        ImbalanceMonitor(plot=True)

    assert str(error.value) == (
        "`ImbalanceMonitor(plot=...)` must have matplotlib, which draws it, and it is not installed. "
        'Run: pip install "lightning-imbalance[plots]"'
    )
    assert ImbalanceMonitor(plot=False).plot == 0


@pytest.mark.filterwarnings("ignore:no training sample of class", "ignore:no val sample of class")
def test_the_history_of_a_fit_can_be_drawn(tiny_trainer):
    monitor = ImbalanceMonitor()
    trainer = tiny_trainer(callbacks=[monitor], max_epochs=3)
    trainer.fit(classifier(["a", "b", "c"]), DATA, DATA)
    trainer.validate(classifier(["a", "b", "c"]), DATA, verbose=False)

    history = monitor.history()

    assert list(history) == [0, 1, 2]
    assert list(history[2]) == ["a", "b", "c"]
    figure = plots.recall_over_epochs(history)
    assert figure.axes[0].lines[0].get_ydata().tolist() == [history[epoch]["a"] for epoch in range(3)]


def test_without_an_evaluation_there_is_no_history():
    with pytest.raises(ValueError) as error:
        ImbalanceMonitor().history()

    assert str(error.value) == (
        "`stage` must be one of the evaluations so far (none: run `trainer.validate` or `trainer.fit` first), got 'val'."
    )
