"""What holds for every picture: few and many classes, names that are only text, nothing shown, matplotlib or a message."""

from __future__ import annotations

import inspect
import sys

import pytest
import torch

from lightning_imbalance import ClassDistribution, plots
from lightning_imbalance.functional import PairedDifference

HOSTILE = ["$x_1$", "_private", "<script>alert(1)</script>", "a\nb", "\\frac{1", "%", "x" * 300, "$$", " ", "{}"]


def names_of(classes: int) -> list[str]:
    return (HOSTILE + [f"class_{index}" for index in range(classes)])[:classes]


def evaluation(classes, found=3):
    names = names_of(classes)
    samples = {name: index % 7 for index, name in enumerate(names)}  # some classes have none
    return {"samples": samples, "true_positives": {name: min(found, count) for name, count in samples.items()}}


def distribution(classes):
    return ClassDistribution([2 + (37 * index) % 500 for index in range(classes)], names_of(classes))


def gains(remedies):
    return {
        name: PairedDifference(index / 10, (index - 3) / 10, (index + 3) / 10)
        for index, name in enumerate(names_of(remedies))
    }


def predictions(classes):
    target = torch.arange(60) % max(1, classes - 1)  # the last class has no sample
    return torch.rand(60, classes).softmax(1), target, names_of(classes)


def matrix(classes):
    return torch.randint(5, (classes, classes), generator=torch.Generator().manual_seed(0))


PICTURES = {
    "counts": lambda n: plots.counts(distribution(n)),
    "priors": lambda n: plots.priors(distribution(n)),
    "overview": lambda n: plots.overview(distribution(n)),
    "differences": lambda n: plots.differences(gains(n), {name: [0.1, -0.1] for name in gains(n)}),
    "recall": lambda n: plots.recall(evaluation(n), distribution(n)),
    "recall_change": lambda n: plots.recall_change(evaluation(n), evaluation(n, 5), distribution(n)),
    "confusion": lambda n: plots.confusion(matrix(n), names_of(n)),
    "reliability": lambda n: plots.reliability(*predictions(n)),
    "recall_over_epochs": lambda n: plots.recall_over_epochs(
        {epoch: dict.fromkeys(names_of(n), epoch / 5) for epoch in range(3)}, distribution(n)
    ),
    "precision_recall": lambda n: plots.precision_recall(*predictions(n)),
    # A curve a figure, and at most 8 of them; their names are as much the user's as those of classes.
    "training_curves": lambda n: plots.training_curves(
        {name: {0: 0.7, 1: 0.4} for name in names_of(min(n, 8))}, {name: {0: 0.5} for name in names_of(min(n, 8))}
    ),
}


def test_every_picture_is_tried_here():
    assert set(PICTURES) == set(plots.__all__)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_a_picture_of_any_number_of_classes_can_be_written_and_is_not_shown(name, classes):
    import matplotlib.pyplot as plt

    figure = PICTURES[name](classes)

    # Drawing is where a `$` in a name would be read as mathematics; warnings are errors here.
    if classes < 1000:
        assert figure.as_png().startswith(b"\x89PNG")
    assert max(figure.get_size_inches()) <= 14
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", PICTURES)
def test_names_are_text_and_no_mathematics(name):
    figure = PICTURES[name](8)

    def texts(artist):
        from matplotlib.text import Text

        return [each for each in artist.findobj(Text) if any(sign in each.get_text() for sign in ("$", "frac", "{}"))]

    figure.draw_without_rendering()
    found = texts(figure)
    assert found or name == "reliability"
    assert [each.get_text() for each in found if each.get_parse_math() or each.get_usetex()] == []


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_reaches_over_the_edge(name):
    for classes in (2, 10):
        figure = PICTURES[name](classes)
        figure.draw_without_rendering()
        inside = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert inside.x0 >= -0.05
        assert inside.y0 >= -0.05
        assert inside.x1 <= width + 0.05
        assert inside.y1 <= height + 0.05


@pytest.mark.parametrize("name", PICTURES)
def test_without_matplotlib_each_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(ModuleNotFoundError) as error:
        PICTURES[name](3)

    assert str(error.value) == (
        f"`plots.{name}` must have matplotlib, which draws it, and it is not installed. "
        'Run: pip install "lightning-imbalance[plots]"'
    )


@pytest.mark.parametrize("name", PICTURES)
def test_one_class_is_drawn(name):
    if name in {"priors", "overview"}:  # weights of one class are refused where they are made
        with pytest.raises(ValueError, match="at least 2 classes"):
            PICTURES[name](1)
        return
    assert PICTURES[name](1).axes


def test_each_says_how_it_can_fail():
    for name in plots.__all__:
        assert "ModuleNotFoundError: matplotlib is not installed." in inspect.getdoc(getattr(plots, name))
