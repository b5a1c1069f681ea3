"""The repository: what lies at the top, what is said once, and what no file may hold."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.metadata import metadata, requires, version
from pathlib import Path

import pytest

import lightning_imbalance
from lightning_imbalance.__about__ import __version__

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "docs",
    "lightning_imbalance",
    "notebooks",
    "pyproject.toml",
    "tests",
}
EXTRAS = {"bench", "cli", "demo", "dev", "docs", "plots", "tabular", "test"}
# A home or work folder of some machine, and the hosts that packages come from: pip knows where it installs from.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|work|workspace|Users|opt|mnt|private)/\w+")
REGISTRY = re.compile(
    r"pypi\.(?:org|io|python)|pythonhosted\.org|download\.pytorch\.org|conda\.anaconda|-{2}index-url", re.IGNORECASE
)


def repository_files() -> list[Path]:
    """The files that a commit would hold, whether they are committed yet or not."""
    if not (ROOT / ".git").exists():
        pytest.skip("only a git checkout knows which files are the project's")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607  # git is where the user has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_files() -> dict[str, str]:
    binary = {".png", ".jpg", ".gif", ".ckpt"}
    return {
        str(path): (ROOT / path).read_text(encoding="utf-8") for path in repository_files() if path.suffix not in binary
    }


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    assert {path.parts[0] for path in repository_files() if not path.parts[0].startswith(".")} == TOP_LEVEL


def test_no_file_names_a_path_of_a_machine() -> None:
    found = {name: sorted(set(MACHINE_PATH.findall(text))) for name, text in text_files().items()}

    assert {name: paths for name, paths in found.items() if paths} == {}


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert [name for name, text in text_files().items() if REGISTRY.search(text)] == []


@pytest.mark.parametrize("line", ["see /home/" + "ann/data", '"/' + 'root/x"', "(/Users" + "/ann)"])
def test_a_path_of_a_machine_is_found(line: str) -> None:
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["photos/work/a.png", "https://example.com/home/x", "./opt/x", "and/or"])
def test_a_relative_path_or_an_address_is_no_path_of_a_machine(line: str) -> None:
    assert not MACHINE_PATH.search(line)


def test_the_version_is_stated_once() -> None:
    stated = re.compile(r"^__version__ = |^version = \"", re.MULTILINE)

    assert version("lightning-imbalance") == __version__
    assert [name for name, text in text_files().items() if stated.search(text)] == ["lightning_imbalance/__about__.py"]


def test_the_package_knows_its_version() -> None:
    assert lightning_imbalance.__version__ == __version__


def test_the_changelog_has_an_entry_for_the_version() -> None:
    assert re.search(
        rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_the_extras_are_the_promised_ones() -> None:
    assert set(metadata("lightning-imbalance").get_all("Provides-Extra") or []) == EXTRAS


def test_every_extra_that_a_message_or_a_page_names_exists() -> None:
    named = {
        (name, extra)
        for name, text in text_files().items()
        if name.startswith(("lightning_imbalance/", "docs/", "notebooks/", "README", "CONTRIBUTING", "CHANGELOG"))
        for extras in re.findall(r"lightning-imbalance\[([\w,-]+)\]", text)
        for extra in extras.split(",")
    }

    assert [(name, extra) for name, extra in sorted(named) if extra not in EXTRAS] == []


def test_runtime_dependencies_have_a_lower_bound_and_no_upper_one() -> None:
    runtime = [requirement for requirement in requires("lightning-imbalance") or [] if "extra ==" not in requirement]

    assert sorted(re.split(r"[<>=!~ ]", requirement)[0] for requirement in runtime) == [
        "lightning",
        "rich",
        "torch",
        "torchmetrics",
        "torchvision",
    ]
    assert [requirement for requirement in runtime if not re.fullmatch(r"\w+>=\d+\.\d+\.\d+", requirement)] == []


def test_the_gate_can_be_executed() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_package_is_typed() -> None:
    assert (ROOT / "lightning_imbalance" / "py.typed").is_file()


def test_there_is_no_lock_file() -> None:
    assert [path for path in repository_files() if path.suffix == ".lock" or path.name.startswith("requirements")] == []
