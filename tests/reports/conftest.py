"""Names that want to be more than text, a browser to see what becomes of them, a reader of HTML, and reports of models."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights
from lightning_imbalance.reports.model_report import ModelReport, model_report

HOSTILE = (
    "<script>window.owned = 1; document.title = 'owned'</script>",
    "</script><script>window.owned = 2</script>",
    "</style><script>window.owned = 3</script>",
    "<img src=x onerror='window.owned = 4'>",
    "\"'><svg onload=window.owned=5>",
    "javascript:window.owned=6",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp;",
    "<!-- ",
    "مرحبا بالعالم",
    "\u202egnp.exe",
    "a\nb\x1b[31m\x00c\ud800",
    "$x_1$ \\frac{1",
    "x" * 200,
    "two words " * 20,
)


@pytest.fixture(scope="session")
def hostile() -> Callable[[int], list[str]]:
    """Make names of so many classes, the hostile ones first."""
    return lambda classes: [*HOSTILE, *(f"class {index}" for index in range(classes))][:classes]


class Element:
    """What stands in an HTML page."""

    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.text = ""


class Elements(HTMLParser):
    """All elements of a page in their order, each with the text right inside it."""

    VOID = frozenset({"meta", "link", "br", "input", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Element] = []
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.found.append(element)
        if tag not in self.VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            opened = self._open.pop()
            assert opened.tag == tag, f"</{tag}> closes <{opened.tag}>"

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data

    def close(self) -> None:
        super().close()
        assert self._open == []


@pytest.fixture
def elements_of() -> Callable[[str], list[Element]]:
    """Read a page; an element that is not closed, or closed by another one's end, fails."""

    def read(html: str) -> list[Element]:
        reader = Elements()
        reader.feed(html)
        reader.close()
        return reader.found

    return read


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium, driven by selenium."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its driver on the PATH. On Debian: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    started.get("about:blank")  # the page that it begins with asks for this and that
    yield started
    started.quit()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Callable[..., Any]:
    """Open a page in a window of so many pixels, light or dark, with scripts or without."""

    def open_page(html: str, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Any:
        file = tmp_path / "report.html"
        file.write_text(html, encoding="utf-8", newline="\n")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        for log in ("browser", "performance"):
            browser.get_log(log)  # what came before is not this page's
        browser.get(file.as_uri())
        return browser

    return open_page


def inputs_of(target: torch.Tensor, classes: int, task: str) -> torch.Tensor:
    """Return logits that are often right."""
    generator = torch.Generator().manual_seed(len(target))
    if task == "multiclass":
        shape = (len(target), classes, *target.shape[1:])
        right = nn.functional.one_hot(target, classes).movedim(-1, 1).float()
        return torch.randn(shape, generator=generator) + 2 * right
    return torch.randn(target.shape, generator=generator) + 2.0 * target - 1


@pytest.fixture
def make_report() -> Callable[..., ModelReport]:
    """Make a report of targets: ``make_report(target, names)``."""

    def make(
        target: torch.Tensor,
        names: Sequence[str],
        task: str = "multiclass",
        counts: Sequence[int] | None = None,
        settings: Any = None,
        logits: torch.Tensor | None = None,
        **arguments: Any,
    ) -> ModelReport:
        model = WeightedClassifier(nn.Identity(), len(names), task=task, **(settings or {}))
        counts = list(range(200, 0, -1))[: len(names)] if counts is None else counts
        distribution = ClassDistribution(
            counts, names, task, num_samples=max(counts) * 2 if task == "multilabel" else None
        )
        model.adopt(distribution)
        model.fill(distribution, class_weights(distribution, model.weighting))
        data = TensorDataset(inputs_of(target, len(names), task) if logits is None else logits, target)
        return model_report(model, L.LightningDataModule.from_datasets(test_dataset=data, batch_size=64), **arguments)

    return make
