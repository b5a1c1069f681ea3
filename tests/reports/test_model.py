from __future__ import annotations

from html.parser import HTMLParser

import pytest
import torch
from torch import nn

from lightning_imbalance.reports.model import model_page
from lightning_imbalance.reports.page import DataTable, Facts, Notice, Picture, Text
from lightning_imbalance.reports.training_log import TrainingLog

NAMES = ("cat", "dog", "eel")
HOSTILE = (
    "<script>alert(1)</script>",
    "a & b",
    '"quoted" ${x}',
    "{{ 7 * 7 }}",
    "[bold]red[/]\n\x1b[31m",
    "$\\frac{1}{0}$",
)
LOG = TrainingLog(
    {"training loss": {0: 0.9, 1: 0.5}},
    {"balanced accuracy": {0: 0.4, 1: 0.6}},
    {0: dict.fromkeys(NAMES, 0.5), 1: dict.fromkeys(NAMES, 0.75)},
)


def targets(classes, samples=120):
    return (torch.arange(samples) % (2 * classes)).clamp_max(classes - 1)


def blocks(page, kind):
    return [block for section in page.sections for block in section.blocks if isinstance(block, kind)]


def titles(page):
    return [section.title for section in page.sections]


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_has_all_that_is_known_of_a_model(make_report):
    page = model_page(
        make_report(targets(3), NAMES, log=LOG, location="runs/1", command="lightning-imbalance report runs/1")
    )

    assert page.title == "Model runs/1"
    assert titles(page) == [
        "Read first",
        "Classes",
        "Which class is taken for which",
        "Probabilities",
        "Training",
        "Environment",
    ]
    assert page.lead.startswith("Balanced accuracy 0.")
    assert page.command == "lightning-imbalance report runs/1"
    assert isinstance(page.facts, Facts)
    facts = dict(page.facts.facts)
    assert facts["samples of the test part"] == "120"
    assert list(facts)[:2] == ["balanced accuracy", "worst class recall"]
    descriptions = [picture.description for picture in blocks(page, Picture)]
    assert len(descriptions) == 7
    assert "The 2 epochs of the fit. The checkpoint need not be of the last one." in descriptions
    assert len(blocks(page, Notice)) == 1
    html = page.html()
    assert html.count("<svg ") == 7


def test_the_table_has_every_class_of_a_thousand(make_report):
    names = [f"class {index}" for index in range(1000)]
    target = torch.arange(1500) % 1000

    page = model_page(make_report(target, names, counts=[1000 - index for index in range(1000)]))

    classes, shares = (table.table.rows for table in blocks(page, DataTable)[:2])
    assert [row[0] for row in classes] == names
    assert [row[0] for row in shares] == names
    assert blocks(page, DataTable)[0].searchable
    html = page.html()
    assert len(html) < 5_000_000
    assert Elements(html).tags.count("tr") > 2000


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_class_names_are_text(make_report, task):
    target = targets(len(HOSTILE))
    if task == "multilabel":
        target = nn.functional.one_hot(target, len(HOSTILE))
    log = TrainingLog({}, {}, {0: dict.fromkeys(HOSTILE, 0.5)})

    page = model_page(make_report(target, HOSTILE, task, log=log, location="<img src=x>", notices=["<b>"]))

    found = Elements(page.html())
    assert found.tags.count("script") == 1
    assert not {"b", "img"} & set(found.tags)
    text = "".join(found.text)
    for name in (
        "<script>alert(1)</script>",
        "{{ 7 * 7 }}",
        "[bold]red[/]\\n\\x1b[31m",
        "<img src=x>",
        "$\\frac{1}{0}$",
    ):
        assert name in text


def test_the_priors_stand_side_by_side(make_report):
    report = make_report(
        targets(3), NAMES, settings={"weighting": "balanced", "target_prior": [0.5, 0.3, 0.2]}, counts=[80, 15, 5]
    )

    table = blocks(model_page(report), DataTable)[1].table

    assert [column.header for column in table.columns] == [
        "class",
        "weight",
        "of the training data",
        "believed",
        "asked for",
        "of the test part",
    ]
    share = (targets(3) == 0).double().mean().item()
    assert table.rows[0] == ("cat", "0.4167", "80%", "33.33%", "50%", f"{100 * share:.4g}%")


def test_what_the_probabilities_are_stated_for_is_said(make_report):
    def said(**settings):
        return blocks(model_page(make_report(targets(3), NAMES, settings=settings)), Text)[1].text

    assert said().startswith(
        "The probabilities are stated for the class prior that the training made the model believe, the column 'believed'"
    )
    assert said(target_prior="uniform").startswith(
        "The probabilities are stated for the class prior that was asked for, the column 'asked for'."
    )
    assert said(loss="focal").startswith(
        "The probabilities are the softmax of the logits. The expected calibration error of the decisions is 0."
    )


def test_a_prior_that_nobody_knows_is_a_notice(make_report):
    page = model_page(make_report(targets(3), NAMES, settings={"loss": "focal"}))

    assert blocks(page, Notice)[1].text == (
        "For which class prior the probabilities are right is not known: the logits of a model must be class posteriors for a prior to be "
        "known, and training with FocalLoss() does not make them so. Calibrate its probabilities on held-out data instead: temperature scaling."
    )


def test_without_a_log_it_says_so(make_report):
    page = model_page(make_report(targets(2), NAMES[:2], "binary"))

    assert (
        blocks(page, Text)[-1].text
        == "How the training went is not known: there is no metrics.csv beside the checkpoint."
    )
    assert titles(page)[2] == "Which class is taken for which"
    assert page.title == "Model"


def test_labels_that_do_not_exclude_each_other_have_no_matrix(make_report):
    page = model_page(make_report(nn.functional.one_hot(targets(3), 3), NAMES, "multilabel"))

    assert titles(page)[2] == "What it costs to find more"
    assert len(page.sections[2].blocks) == 1
    assert len(blocks(page, Notice)) == 1
    assert page.html().count("<svg ") == 4


def test_a_model_that_gives_no_number_at_all_has_a_page(make_report):
    page = model_page(make_report(targets(2), NAMES[:2], logits=torch.full((120, 2), torch.nan)))

    assert "which count as missed" in page.html()


def test_how_often_a_sampler_drew_a_class_is_shown(make_report):
    report = make_report(targets(3), NAMES)
    object.__setattr__(report, "sampling", torch.tensor([0.5, 0.25, 0.25]))

    table = blocks(model_page(report), DataTable)[1].table

    assert [row[3] for row in table.rows] == ["50%", "25%", "25%"]
    assert table.columns[3].header == "drawn"


def test_it_is_written_into_a_file(make_report, tmp_path):
    make_report(targets(2), NAMES[:2]).write(tmp_path / "page.html")

    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
