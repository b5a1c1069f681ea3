"""The layers: a file imports from the layers above its own, and every file belongs to one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lightning_imbalance"
TESTS = ROOT / "tests"

# From the top down; docs/architecture.md says what each is for. A unit is a module or a folder right below the package.
LAYERS = (
    {"__about__", "tables", "counting", "configuration", "gathering", "network_call", "parameters", "quiet"},
    {"drawing"},
    {"checks", "labels"},
    {"distribution"},
    {"functional", "schemes"},
    {"prior"},
    {"weighting"},
    {"losses", "metrics", "samplers", "data", "class_report", "small_networks"},
    {"testing"},
    {"inspection", "sources"},
    {"plots"},
    {
        "class_state",
        "epoch_means",
        "exact_mean",
        "own_samples",
        "sampled_classes",
        "target_prior",
        "trained_with",
        "training_data",
        "two_corrections",
    },
    {"synthesis"},
    {"label_mixing"},
    {"predictions"},
    {"module", "callbacks", "checkpoint_io", "datamodules", "rebalanced"},
    {"reports"},
    {"comparison"},
    {"cli"},
    {"__init__", "__main__"},
)

# Tests of the project as a whole; every other path below tests/ is the path of what it tests.
PROJECT_TESTS = {
    "conftest.py",
    "distributed",
    "documents",
    "ecosystem",
    "failures",
    "test_architecture.py",
    "test_benchmarks.py",
    "test_benchmarks_long_tail.py",
    "test_documents.py",
    "test_lightning_cli.py",
    "test_no_synchronisation.py",
    "test_notebooks.py",
    "test_programs.py",
    "test_project.py",
    "test_public_names.py",
    "test_resume.py",
    "test_true_probabilities.py",
    "test_wheel.py",
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def unit_of(path: Path) -> str:
    """The module or folder right below the package that holds a file."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer_of(unit: str) -> int | None:
    return next((level for level, units in enumerate(LAYERS) if unit in units), None)


def imported_units(source: str, package: str = "lightning_imbalance") -> set[str]:
    """The units that a source imports, also inside functions; relative imports count as ``.``."""
    units = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            units.add(".")
            continue
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            names = [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        parts = [name.split(".") for name in names if name.split(".")[0] == package]
        units |= {part[1] if len(part) > 1 else "__init__" for part in parts}
    return units


def upward_imports(source: str, unit: str) -> list[str]:
    """The units that ``unit`` may not import and does."""
    own = layer_of(unit)
    assert own is not None
    allowed = set().union(*LAYERS[:own]) | {unit}
    return sorted(imported_units(source) - allowed)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from lightning_imbalance.losses import FocalLoss", ["losses"]),
        ("import lightning_imbalance.cli.main as main", ["cli"]),
        ("from lightning_imbalance import callbacks, tables", ["callbacks"]),
        ("import lightning_imbalance", ["__init__"]),
        ("def f():\n    from lightning_imbalance.module import X", ["module"]),
        ("from . import tables", ["."]),
        ("import torch\nfrom lightning import Trainer\nfrom lightning_imbalance.distribution import X", []),
    ],
)
def test_an_import_against_the_direction_is_found(source: str, found: list[str]) -> None:
    assert upward_imports(source, "schemes") == found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_the_layers_above_its_own(path: Path) -> None:
    unit = unit_of(path)
    assert layer_of(unit) is not None, f"{unit} stands in no layer: decide on one in LAYERS and in docs/architecture.md"

    assert upward_imports(path.read_text(encoding="utf-8"), unit) == []


def test_every_unit_in_the_layers_exists() -> None:
    assert set().union(*LAYERS) == {unit_of(path) for path in MODULES}


def test_the_page_on_architecture_shows_the_same_layers() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## Layers")[1].split("\n## ")[0]
    rows = [line.split("|")[2] for line in table.splitlines() if line.startswith("| ")][2:]

    assert [set(re.findall(r"`(\w+)/?`", row)) for row in rows] == [units - {"__about__"} for units in LAYERS]


def test_no_unit_stands_in_two_layers() -> None:
    assert sum(map(len, LAYERS)) == len(set().union(*LAYERS))


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    nothing = {"utils", "util", "utilities", "helpers", "helper", "common", "misc", "shared", "core"}
    paths = [*PACKAGE.rglob("*"), *TESTS.rglob("*")]

    assert [path for path in paths if path.stem.strip("_").removeprefix("test_") in nothing] == []


def lines_of_code(source: str) -> int:
    """Lines that do something: neither empty, nor comment, nor docstring."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    described = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, documented) and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    lines = enumerate(source.splitlines(), start=1)
    return sum(number not in described and line.strip()[:1] not in {"", "#"} for number, line in lines)


def test_lines_of_code_leave_out_what_only_describes() -> None:
    assert lines_of_code('"""Say\nwhat."""\n\n# why\ndef f():\n    """Do."""\n    return (\n        1)\n') == 3


def test_a_file_fits_in_a_head() -> None:
    lengths = {str(path.relative_to(PACKAGE)): lines_of_code(path.read_text(encoding="utf-8")) for path in MODULES}

    assert {name: lines for name, lines in lengths.items() if lines > 260} == {}


def subjects_of(test: Path) -> list[Path]:
    """The files and folders of the package that a test may be about.

    tests/labels/test_scan.py is about labels/scan.py, and so is tests/labels/test_scan_workers.py, one aspect of it;
    tests/labels/test_labels.py is about the folder.
    """
    words = test.stem.removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    folder = PACKAGE / test.parent
    paths = [folder / name for name in names] + [folder / f"{name}.py" for name in names]
    return [path for path in paths if path.exists()] + [folder] * (test.parent.name == "_".join(words))


@pytest.mark.parametrize(
    ("test", "stands"),
    [
        ("test_tables.py", True),
        ("test_tables_in_colour.py", True),
        ("labels/test_registry.py", True),
        ("labels/test_labels.py", True),
        ("test_registry.py", False),
        ("labels/test_tables.py", False),
    ],
)
def test_a_test_is_found_by_the_path_of_what_it_tests(test: str, *, stands: bool) -> None:
    assert bool(subjects_of(Path(test))) is stands


def test_every_test_stands_where_the_thing_it_tests_stands() -> None:
    paths = [path.relative_to(TESTS) for path in sorted(TESTS.rglob("*.py"))]
    tests = [path for path in paths if path.parts[0] not in PROJECT_TESTS and path.name.startswith("test_")]

    assert [path for path in tests if not subjects_of(path)] == []


def test_beside_the_tests_lie_only_fixtures_and_strategies() -> None:
    paths = [path.relative_to(TESTS) for path in sorted(TESTS.rglob("*.py"))]
    others = [path for path in paths if path.parts[0] not in PROJECT_TESTS and not path.name.startswith("test_")]

    assert [path for path in others if path.name not in {"conftest.py", "strategies.py"}] == []
