"""Every code block of every page runs, so that no page can promise what the package does not do.

The blocks of a page share one namespace, from top to bottom:

- ``python`` runs;
- ``pycon`` runs as a docstring example, and its output must be the one shown;
- ``console``: each ``$ lightning-imbalance ...`` must be understood by the program's parser, each ``$ make ...`` must
  name a target of the Makefile, each ``$ pip install`` an extra that exists; the other lines are output;
- ``text``, ``toml`` and ``yaml`` are for reading. A block without a language, or with another one, fails.

What a page uses without showing where it comes from, such as a datamodule called ``flowers``, is made by
``tests/documents/<page>.py``, which runs first in the same namespace (README.md: ``tests/documents/readme.py``,
docs/multi-label.md: ``tests/documents/multi_label.py``). A Trainer of a page runs one epoch on the CPU without a bar,
unless the page says otherwise: Lightning takes defaults from ``PL_TRAINER_<ARGUMENT>``.
"""

from __future__ import annotations

import doctest
import re
import shlex
import sys
from importlib.metadata import metadata
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lightning_imbalance"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL
)
FOR_READING = {"text", "toml", "yaml"}
DOCTEST_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    code: str
    line: int  # of the first line of code, from 0


def blocks_of(text: str) -> list[Block]:
    return [
        Block(match["language"], match["code"], text.count("\n", 0, match.start("code")))
        for match in FENCE.finditer(text)
    ]


def code_of(text: str) -> str:
    """A page with nothing but its Python code on its lines."""
    lines = ["\n"] * (text.count("\n") + 1)
    for block in blocks_of(text):
        if block.language == "python":
            code = block.code.splitlines(keepends=True)
            lines[block.line : block.line + len(code)] = code
    return "".join(lines)


def setup_of(page: Path) -> Path:
    """The file that makes what a page does not show."""
    inside = page.relative_to(ROOT / "docs") if page.is_relative_to(ROOT / "docs") else page.relative_to(ROOT)
    return ROOT / "tests" / "documents" / inside.with_name(inside.stem.lower().replace("-", "_") + ".py")


def run_python(code: str, namespace: dict[str, object], file: Path, line: int = 0) -> None:
    # The empty lines make a traceback point at the line of the page.
    exec(compile("\n" * line + code, str(file), "exec"), namespace)  # noqa: S102  # running the page is the test


def run_pycon(code: str, namespace: dict[str, object], file: Path, line: int) -> None:
    examples = doctest.DocTestParser().get_doctest(code, namespace, file.name, str(file), line)
    runner = doctest.DebugRunner(optionflags=DOCTEST_FLAGS)
    runner.run(examples, clear_globs=False)
    namespace.update(examples.globs)


def commands_of(code: str) -> list[list[str]]:
    """The commands of a console block, with the lines that a backslash continues."""
    joined = re.sub(r"\\\n>?\s*", " ", code)
    return [shlex.split(line[2:], comments=True) for line in joined.splitlines() if line.startswith("$ ")]


def check_training_command(command: str, *arguments: str) -> None:
    """Fail when LightningCLI does not understand the arguments of a command."""
    from lightning_imbalance.cli.training import TrainingCLI

    class OnlyParsed(TrainingCLI):
        def instantiate_classes(self) -> None:
            """Make nothing: the data of a page are not there."""

        def _run_subcommand(self, subcommand: str) -> None:
            """Run nothing."""

    OnlyParsed(command, arguments)


def check_command(words: list[str]) -> None:
    """Fail when a command of a page is not one that works."""
    program, *arguments = words
    if program == "lightning-imbalance":
        from lightning_imbalance.cli.arguments import TRAINING_COMMANDS, parser

        parser().parse_args(arguments)
        if arguments[0] in TRAINING_COMMANDS and "--config" not in arguments:
            check_training_command(*arguments)
    elif program == "make":
        targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        assert {word for word in arguments if "=" not in word} <= targets
    elif words[:2] == ["pip", "install"]:
        extras = re.findall(r"lightning-imbalance\[([\w,-]+)\]", words[-1])
        known = metadata("lightning-imbalance").get_all("Provides-Extra") or []
        assert {name for extra in extras for name in extra.split(",")} <= set(known)
    elif program not in {"cd", "git", "python", "source"}:
        pytest.fail(f"no rule for the command {shlex.join(words)}")


@pytest.fixture
def quick_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the trainers of a page run one epoch on the CPU, quietly."""
    for argument, value in {
        "ACCELERATOR": "cpu",
        "DEVICES": "1",
        "ENABLE_MODEL_SUMMARY": "False",
        "ENABLE_PROGRESS_BAR": "False",
        "MAX_EPOCHS": "1",
    }.items():
        monkeypatch.setenv(f"PL_TRAINER_{argument}", value)
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "off")  # of Lightning's own calls


@pytest.mark.usefixtures("quick_trainer")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(
    page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # A module that can be imported: torch.compile looks the names of a function up in it.
    # Each page by a name of its own: compiled code keeps a reference to the module by its name.
    name = f"page_{page.stem.replace('-', '_').lower()}"
    monkeypatch.setitem(sys.modules, name, module := ModuleType(name))
    namespace: dict[str, object] = module.__dict__
    # torch.compile of torch 2.6 reads the file of a function as Python, all of it.
    file = tmp_path_factory.mktemp("page") / f"{page.name}.py"
    file.write_text(code_of(page.read_text(encoding="utf-8")), encoding="utf-8")
    if setup_of(page).exists():
        run_python(setup_of(page).read_text(encoding="utf-8"), namespace, setup_of(page))
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.language == "python":
            run_python(block.code, namespace, file, block.line)
        elif block.language == "pycon":
            run_pycon(block.code, namespace, page, block.line)
        elif block.language == "console":
            for words in commands_of(block.code):
                check_command(words)
        else:
            assert block.language in FOR_READING, (
                f"{page.name}:{block.line}: a block of {block.language!r} would not run"
            )


def test_every_setup_belongs_to_a_page_with_code_that_runs() -> None:
    needed = {
        setup_of(page)
        for page in PAGES
        if {block.language for block in blocks_of(page.read_text(encoding="utf-8"))} & {"python", "pycon"}
    }

    assert sorted(set((ROOT / "tests" / "documents").rglob("*.py")) - needed) == []


def test_no_fence_is_left_open_or_indented() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fences = [line for line in text.splitlines() if line.lstrip().startswith("```")]

        assert len(fences) == 2 * len(blocks_of(text)), page.name


def test_every_link_to_a_file_finds_it() -> None:
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    targets = [(page, target) for page in PAGES for target in link.findall(page.read_text(encoding="utf-8"))]

    assert [(page.name, target) for page, target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_of_the_project_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"`([\w./]+\.py)`", (ROOT / page).read_text(encoding="utf-8")))

    assert named
    assert [name for name in sorted(named) if not any((top / name).exists() for top in (ROOT, PACKAGE))] == []


def test_every_test_that_the_page_on_reliability_names_exists() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)

    assert len(named) == sum(line.startswith("| ") for line in page.splitlines()) - 2
    assert [
        (path, test) for path, test in named if f"\ndef {test}(" not in (ROOT / path).read_text(encoding="utf-8")
    ] == []


def test_every_failure_that_is_tested_stands_on_the_page_on_reliability() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    tests = {
        f"`{path.relative_to(ROOT)}::{test}`"
        for path in (ROOT / "tests" / "failures").glob("test_*.py")
        for test in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert tests
    assert {test for test in tests if test not in page} == set()


@pytest.mark.parametrize(
    "words",
    [
        ["lightning-imbalance", "demo", "--no-such-option"],
        ["lightning-imbalance", "no-such-command"],
        ["lightning-imbalance", "fit", "--data", "TabularDataModule", "--data.no_such_argument", "1"],
        ["make", "no-such-target"],
        ["pip", "install", "lightning-imbalance[no-such-extra]"],
        ["no-such-program"],
    ],
    ids=" ".join,
)
def test_a_command_that_does_not_work_is_found(words: list[str]) -> None:
    with pytest.raises((AssertionError, SystemExit, pytest.fail.Exception)):
        check_command(words)


def test_a_mistake_in_a_page_is_reported_at_its_line() -> None:
    text = "# Title\n\n```python\na = 1\nb = a / 0\n```\n"
    (block,) = blocks_of(text)

    with pytest.raises(ZeroDivisionError) as error:
        run_python(block.code, {}, Path("page.md"), block.line)

    assert error.traceback[-1].lineno + 1 == 5


def test_output_that_differs_from_the_one_shown_fails() -> None:
    with pytest.raises(doctest.DocTestFailure):
        run_pycon(">>> 1 + 1\n3\n", {}, Path("page.md"), 0)
