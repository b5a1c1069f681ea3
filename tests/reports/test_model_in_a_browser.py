"""The report of a model in a real browser, on a desk and on a phone."""

from __future__ import annotations

import pytest
import torch

from lightning_imbalance.reports.model import model_page
from lightning_imbalance.reports.training_log import TrainingLog
from lightning_imbalance.tables import printable

pytestmark = pytest.mark.xdist_group("browser")

NAMES_SHOWN = "return [...document.querySelectorAll('.table')[arguments[0]].querySelectorAll('tbody tr')].map((row) => row.cells[0].textContent);"


@pytest.fixture
def page(make_report):
    """Make the page of a model of so many classes, which has a log and knows its command."""

    def make(names):
        target = (torch.arange(3 * len(names)) % (2 * len(names))).clamp_max(len(names) - 1)
        recall = {epoch: dict.fromkeys(names, 0.25 * epoch) for epoch in range(4)}
        log = TrainingLog({"training loss": {0: 1.0, 1: 0.5}}, {"balanced accuracy": {0: 0.2, 1: 0.4}}, recall)
        counts = [1500 - index for index in range(len(names))]
        report = make_report(
            target,
            names,
            counts=counts,
            log=log,
            location=names[0],
            command=f"report {names[0]}",
            fit_command="fit",
            notices=names[:1],
        )
        return model_page(report).html()

    return make


@pytest.mark.parametrize("classes", [2, 1000])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_opens_without_an_error_and_never_scrolls_sideways(page, show, hostile, classes, width):
    browser = show(page(hostile(classes)), width=width)

    assert browser.get_log("browser") == []
    wide, window = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide == window
    assert browser.execute_script("return [window.owned ?? null, document.scripts.length]") == [None, 1]
    assert browser.execute_script("return document.querySelectorAll('svg').length") == 7


def test_the_class_that_is_found_least_is_sorted_to_the_top(page, show, hostile):
    names = hostile(40)
    browser = show(page(names))
    table = browser.find_elements("css selector", ".table")[0]

    table.find_element("xpath", ".//thead//button[normalize-space()='train']").click()

    assert browser.execute_script(NAMES_SHOWN, 0) == [printable(name) for name in names[::-1]]
