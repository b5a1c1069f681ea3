"""The wheel: what a user installs, built from this tree and run from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from lightning_imbalance.__about__ import __version__

ROOT = Path(__file__).resolve().parents[1]

# One worker, so that the wheel is built once.
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the hatchling that is installed: an isolated build would need the network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; return the folder of its programs.

    Its dependencies are those of the environment that runs the tests, found through a path file: installing torch again
    would take minutes. The path file of the editable install is not followed, so this source tree cannot be imported.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    install = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--no-index", str(wheel)], check=True)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return programs


def run(*command: object, cwd: Path) -> str:
    """Run a command with nothing of the caller's Python settings, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_its_licence_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "lightning_imbalance").rglob("*.py")}

    page = {f"lightning_imbalance/reports/page.{kind}" for kind in ("css", "html", "js")}
    assert {name for name in names if ".dist-info/" not in name} == modules | page | {"lightning_imbalance/py.typed"}
    assert f"lightning_imbalance-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_wheel_declares_the_program(wheel: Path) -> None:
    entry_points = ConfigParser()
    name = f"lightning_imbalance-{__version__}.dist-info/entry_points.txt"
    entry_points.read_string(zipfile.ZipFile(wheel).read(name).decode())

    assert dict(entry_points["console_scripts"]) == {"lightning-imbalance": "lightning_imbalance.cli:main"}


def test_the_installed_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    program = "from importlib.util import find_spec; print(find_spec('lightning_imbalance').origin)"
    where = run(installed / "python", "-c", program, cwd=tmp_path)

    assert Path(where.strip()).is_relative_to(installed.parent)


def test_the_installed_program_trains_the_demo_in_another_folder(installed: Path, tmp_path: Path) -> None:
    printed = run(installed / "lightning-imbalance", "demo", "--epochs", "1", cwd=tmp_path)

    assert "balanced accuracy" in printed.lower()


def test_the_installed_program_says_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "lightning-imbalance", "--version", cwd=tmp_path) == f"lightning-imbalance {__version__}\n"
