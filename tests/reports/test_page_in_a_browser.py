"""Reports as people meet them: in a real browser, on a desk and on a phone, light and dark."""

from __future__ import annotations

import json
import math
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lightning_imbalance import ClassDistribution
from lightning_imbalance.comparison import Comparison
from lightning_imbalance.comparison.report import comparison_page
from lightning_imbalance.functional import PairedDifference
from lightning_imbalance.inspection import Inspection, split_off
from lightning_imbalance.reports import DataTable, Page, Section
from lightning_imbalance.reports.inspection import inspection_page
from lightning_imbalance.tables import Column, Table, printable

# One browser is enough, and one worker has it.
pytestmark = pytest.mark.xdist_group("browser")

CELLS = """
    const column = arguments[0];
    return [...document.querySelectorAll("tbody tr:not([hidden])")].map((row) => row.cells[column].textContent);
"""

# The contrast of each piece of text with the first ground behind it that is not transparent, after WCAG 2.1.
CONTRASTS = r"""
    const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
    const ground = (element) => {
      for (let each = element; each; each = each.parentElement) {
        const [red, green, blue, alpha = 1] = parts(getComputedStyle(each).backgroundColor);
        if (alpha > 0) return [red, green, blue];
      }
      throw new Error("no ground");
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((value) => value / 255).map((value) => (
        value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {
      const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.textContent.trim());
      if (!own.length || element.closest("script")) continue;
      const style = getComputedStyle(element);
      const drawn = element instanceof SVGElement;
      const behind = ground(element);
      const [red, green, blue] = parts(drawn ? style.fill : style.color);
      const share = drawn ? Number(style.fillOpacity) : 1;
      const seen = [red, green, blue].map((value, place) => share * value + (1 - share) * behind[place]);
      const [low, high] = [luminance(seen), luminance(behind)].sort((a, b) => a - b);
      found.push([(high + 0.05) / (low + 0.05), own[0].textContent.trim().slice(0, 40)]);
    }
    return found;
"""


def inspection(names):
    steps = max(len(names) - 2, 1)
    counts = [round(3000 ** (1 - index / steps)) for index in range(len(names) - 1)]
    distribution = ClassDistribution([*counts, 0] if len(names) > 2 else [3000, 20], names)
    looked_at = Inspection(distribution, split_off(distribution))
    return inspection_page(
        looked_at, names[0], warnings=names[:2], note=names[-1], command=f"inspect {names[0]}"
    ).html()


def comparison(names):
    baseline, *others = names
    gains = {
        name: PairedDifference(0.02 * (2 - index), 0.02 * (2 - index) - 0.03, 0.02 * (2 - index) + 0.03)
        for index, name in enumerate(others)
    }
    gains[others[-1]] = PairedDifference(math.nan, math.nan, math.nan)
    figures = {name: {"balanced_accuracy": (0.7, 0.71, 0.72), "log_loss": (0.5, 0.6, 0.7)} for name in names}
    found = Comparison(
        metric="balanced_accuracy",
        baseline=baseline,
        seeds=(0, 1, 2),
        figures=figures,
        all_differences={"balanced_accuracy": gains, "log_loss": gains},
        confidence=0.95,
        test_samples=520,
        checkpoints={name: Path("runs") / f"{index}.ckpt" for index, name in enumerate(names)},
        notes=(names[-1],),
    )
    return comparison_page(found, baseline, f"compare {baseline}").html()


PAGES = {
    "2 classes": lambda hostile: inspection(["benign", "malignant"]),
    "20 hostile classes": lambda hostile: inspection(hostile(20)),
    "1000 classes": lambda hostile: inspection(hostile(1000)),
    "a comparison": lambda hostile: comparison(["none", "weighted", "focal", "posthoc"]),
    "a hostile comparison": lambda hostile: comparison(hostile(15)),
}


@pytest.fixture(scope="module", params=PAGES)
def html(request, hostile):
    """One report after the other."""
    return PAGES[request.param](hostile)


def table_of(*rows, headers=("class", "count")):
    columns = (Column(headers[0], "left"), *map(Column, headers[1:]))
    return Page("t", "", [Section("s", [DataTable(Table(columns, tuple(rows)))])]).html()


def click(browser, header):
    browser.find_element("xpath", f"//thead//button[normalize-space()='{header}']").click()


def sorting(browser):
    return [header.get_attribute("aria-sort") for header in browser.find_elements("css selector", "thead th")]


def search(browser, text):
    field = browser.find_element("css selector", "input[type=search]")
    field.clear()
    field.send_keys(text)
    return browser.find_element("css selector", "output").text


def asked_for(browser):
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    return [url for url in sent if not url.startswith("data:")]


def test_a_report_opens_from_disk_without_an_error_or_a_request(html, show):
    browser = show(html)

    (url,) = asked_for(browser)  # itself
    assert url.startswith("file:")
    assert url.endswith("/report.html")
    assert browser.get_log("browser") == []
    assert browser.find_element("css selector", "h1").text == browser.title


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_never_scrolls_sideways_and_what_is_wide_scrolls_in_its_box(html, show, width):
    browser = show(html, width=width)

    wide, window = browser.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide == window
    assert width - 20 <= window <= width  # less what the bar that scrolls down takes
    # What reaches over the edge is inside a box that scrolls.
    outside = browser.execute_script("""
        return [...document.body.querySelectorAll("*")]
          .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scroll"))
          .map((each) => each.outerHTML.slice(0, 200));
    """)
    assert outside == []
    boxes = (
        "return [...document.querySelectorAll('.scroll')].filter((each) => each.scrollWidth > each.clientWidth).length"
    )
    if width == 390:
        assert browser.execute_script(boxes) >= 2


def test_light_and_dark_differ_and_all_text_can_be_read_in_both(html, show):
    grounds = {}
    for dark in (False, True):
        browser = show(html, dark=dark)
        grounds[dark] = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        found = browser.execute_script(CONTRASTS)
        assert len(found) > 40
        assert [each for each in found if each[0] < 4.5] == []

    assert grounds == {False: "rgb(255, 255, 255)", True: "rgb(19, 22, 26)"}


def test_hostile_names_are_read_as_text_and_none_of_their_scripts_ran(show, hostile):
    names = hostile(40)
    browser = show(inspection(names))

    assert browser.title.startswith("The classes of <script>")
    shown = [printable(name) for name in names]
    assert browser.execute_script(CELLS.replace('"tbody', '"[data-searchable] tbody'), 0) == shown
    pictured = browser.execute_script(
        "return [...document.querySelectorAll('svg text')].map((each) => each.textContent)"
    )
    for name in (
        "<img src=x onerror='window.owned = 4'>"[:19],
        "{{ 7 * 7 }}{% raw %}",
        "&lt;b&gt; &amp;",
        "مرحبا بالعالم",
    ):
        assert any(text.startswith(name) for text in pictured), name
    assert browser.execute_script("return [window.owned ?? null, document.scripts.length, document.images.length]") == [
        None, 1, 0,
    ]  # fmt: skip
    assert browser.get_log("browser") == []


def test_the_policy_stops_a_script_and_a_request_that_found_a_way_in(show):
    asked = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    page = table_of(("cat", "1")).replace(
        "<h1>",
        f"<script>window.owned = 1</script><img src=x onerror='window.owned = 2'><img src='{address}/image'>"
        f"<link rel=stylesheet href='{address}/style'><script src='{address}/script'></script><h1>",
    )
    browser = show(page)
    said = "".join(entry["message"] for entry in browser.get_log("browser"))
    server.shutdown()
    server.server_close()

    assert browser.execute_script("return window.owned ?? null") is None
    assert asked == []
    assert said.count("Content Security Policy") >= 4


def test_a_table_sorts_by_numbers_up_down_and_back(show):
    cells = ["1,234", "-", "12.3%", "+0.05", "-2", "", "<1", "1e-3", "60.2 : 1", "0.800*", "nan", "−3", "inf"]
    browser = show(table_of(*((f"class {index}", cell) for index, cell in enumerate(cells))))
    assert sorting(browser) == ["none", "none"]

    ascending = ["−3", "-2", "1e-3", "+0.05", "0.800*", "<1", "12.3%", "60.2 : 1", "1,234", "inf"]
    for order, expected in (
        ("ascending", [*ascending, "-", "", "nan"]),
        ("descending", [*ascending[::-1], "-", "", "nan"]),
        ("none", cells),
        ("ascending", [*ascending, "-", "", "nan"]),
    ):
        click(browser, "count")
        assert sorting(browser) == ["none", order]
        assert browser.execute_script(CELLS, 1) == expected


def test_a_table_sorts_by_words_as_people_do(show):
    names = ["class 10", "class 9", "Zebra", "ähnlich", "apple", "<b>"]
    browser = show(table_of(*((name, "1") for name in names)))

    click(browser, "class")
    up = browser.execute_script(CELLS, 0)
    click(browser, "class")
    assert up == ["<b>", "ähnlich", "apple", "class 9", "class 10", "Zebra"]
    assert browser.execute_script(CELLS, 0) == up[::-1]


def test_equal_rows_keep_their_order_and_one_column_is_sorted_at_a_time(show):
    rows = [(name, count) for count in ("2", "1") for name in ("c", "a", "b")]
    browser = show(table_of(*rows))

    click(browser, "count")
    assert browser.execute_script(CELLS, 0) == ["c", "a", "b", "c", "a", "b"]
    assert browser.execute_script(CELLS, 1) == ["1"] * 3 + ["2"] * 3
    click(browser, "class")
    assert sorting(browser) == ["ascending", "none"]
    assert browser.execute_script(CELLS, 1) == ["2", "1"] * 3


def test_the_keyboard_reaches_and_sorts_a_column_and_one_sees_where_it_is(show):
    from selenium.webdriver.common.keys import Keys

    browser = show(table_of(("b", "2"), ("a", "1")))
    for _ in range(2):  # the box that scrolls, then the first header
        browser.switch_to.active_element.send_keys(Keys.TAB)

    focused = browser.switch_to.active_element
    assert focused.text == "class"
    assert focused.value_of_css_property("outline-style") == "solid"
    focused.send_keys(Keys.ENTER)
    assert browser.execute_script(CELLS, 0) == ["a", "b"]
    focused.send_keys(Keys.SPACE)
    assert browser.execute_script(CELLS, 0) == ["b", "a"]


def test_a_search_keeps_the_rows_whose_names_have_it(show, hostile):
    browser = show(inspection(hostile(1000)))
    searched = '"[data-searchable] tbody'

    def rows():
        return browser.execute_script(CELLS.replace('"tbody', searched), 0)

    assert browser.find_element("css selector", "output").text == "1,000 rows"
    assert search(browser, "CLASS 97") == "11 of 1,000 rows"
    assert set(rows()) == {"class 97", *(f"class 97{digit}" for digit in range(10))}
    assert search(browser, "<script>") == "3 of 1,000 rows"
    assert search(browser, "مرحبا") == "1 of 1,000 rows"
    assert search(browser, "3,000") == "0 of 1,000 rows"  # a count is no name
    assert rows() == []
    assert search(browser, " ") == "1,000 rows"
    assert len(rows()) == 1000


def test_what_is_searched_can_be_sorted(show, hostile):
    browser = show(inspection(hostile(1000)))
    search(browser, "class 97")

    click(browser, "class")
    found = browser.execute_script(CELLS.replace('"tbody', '"[data-searchable] tbody'), 0)
    assert found == ["class 97", *(f"class 97{digit}" for digit in range(10))]


def test_without_scripts_everything_is_there_and_nothing_that_does_not_work(show):
    html = inspection([f"class {index}" for index in range(1000)])
    browser = show(html, scripts=False)

    rows = browser.find_elements("css selector", "[data-searchable] tbody tr")
    controls = browser.find_elements("css selector", "button, input")
    assert len(rows) == 1000
    assert controls == []
    assert browser.find_element("css selector", "thead th").text == "class"


def test_on_paper_all_rows_stand_on_white_without_controls(show):
    browser = show(inspection([f"class {index}" for index in range(1000)]), dark=True)
    scheme = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [scheme]})

    ground, cut, search_shown = browser.execute_script("""
        const box = document.querySelector("[data-searchable] .scroll");
        return [
          getComputedStyle(document.body).backgroundColor,
          box.scrollHeight - box.clientHeight,
          getComputedStyle(document.querySelector(".search")).display,
        ];
    """)
    assert (ground, cut, search_shown) == ("rgb(255, 255, 255)", 0, "none")
