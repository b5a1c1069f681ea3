"""The pictures of a comparison in README.md: the terminal, and the beginning of the report in a browser.

Run it with `python benchmarks/compare_pictures.py docs`. It compares five remedies on the digits, which takes about a
minute, and writes `compare-terminal.svg` and `report.png` into the folder. The second needs Chromium and its driver on
the `PATH`.
"""

from __future__ import annotations

import argparse
import base64
import io
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from lightning_imbalance import compare
from lightning_imbalance.comparison import Comparison
from lightning_imbalance.datamodules import DigitsDataModule

_COLUMNS = 116
_PIXELS = 800


def main() -> int:
    """Compare, and draw what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as runs:
        digits = DigitsDataModule(imbalance_ratio=20.0)
        found = compare(
            digits,
            seeds=options.seeds,
            max_epochs=options.epochs,
            output=runs,
            progress=False,
            trainer={"accelerator": "cpu"},
        )
        report = Path(runs) / "report.html"
        found.to_html(report, name="the digits")
        (options.folder / "compare-terminal.svg").write_text(terminal(found), encoding="utf-8")
        print(found)
        browser = shutil.which("chromedriver")
        if browser is None:
            print("report.png was not made: there is no chromedriver on the PATH", file=sys.stderr)
            return 1
        (options.folder / "report.png").write_bytes(screenshot(report, browser))
    return 0


def terminal(found: Comparison) -> str:
    """Return what a terminal shows, as SVG that needs no font from the network."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(">>> compare(DigitsDataModule(imbalance_ratio=20))", highlight=False)
    console.print(found, highlight=False)
    svg = console.export_svg(title="lightning-imbalance")
    return re.sub(r"@font-face\s*{[^}]*}\s*", "", svg)


def screenshot(report: Path, chromedriver: str) -> bytes:
    """Return the report from its top to the end of what it decides, as PNG."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        size: dict[str, Any] = {"width": _PIXELS, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get(report.as_uri())
        end = browser.execute_script("return document.querySelector('figcaption').getBoundingClientRect().bottom")
        clip = {"x": 0, "y": 0, "width": _PIXELS, "height": end + 16, "scale": 1}
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    finally:
        browser.quit()
    return base64.b64decode(shot["data"])


if __name__ == "__main__":
    sys.exit(main())
