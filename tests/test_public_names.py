"""The public surface: what `__all__` promises, what its docstrings show, and what importing it costs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import lightning_imbalance

SUBPACKAGES = sorted(
    module.name
    for module in pkgutil.iter_modules(lightning_imbalance.__path__, "lightning_imbalance.")
    if module.ispkg and module.name != "lightning_imbalance.cli"
)
SURFACES = ["lightning_imbalance", *SUBPACKAGES]


def public_objects() -> dict[str, object]:
    """The public classes and functions, by the name under which a user imports them."""
    surfaces = [importlib.import_module(name) for name in SURFACES]
    objects = {f"{surface.__name__}.{name}": getattr(surface, name) for surface in surfaces for name in surface.__all__}
    return {name: thing for name, thing in objects.items() if inspect.isclass(thing) or inspect.isfunction(thing)}


def unexported(module: ModuleType) -> set[str]:
    """Names without underscore that an attribute access finds and ``__all__`` does not list.

    Submodules that an import left behind are found in every package and mean nothing, unless they are of another one.
    """
    own = f"{module.__name__}."
    names = {name for name in vars(module) if not name.startswith("_") and name != "annotations"}
    submodules = {
        name
        for name in names
        if getattr(vars(module)[name], "__name__", "").startswith(own) and inspect.ismodule(vars(module)[name])
    }
    return names - submodules - set(module.__all__)


@pytest.mark.parametrize("name", SURFACES)
def test_all_is_sorted_and_names_what_is_importable(name: str) -> None:
    module = importlib.import_module(name)

    assert sorted(set(module.__all__)) == list(module.__all__)
    assert [missing for missing in module.__all__ if not hasattr(module, missing)] == []
    assert unexported(module) == set()


def test_the_top_level_offers_what_the_design_names() -> None:
    assert {"ClassDistribution", "ImbalanceMonitor", "WeightedClassifier", "class_weights", "prior"} <= set(
        lightning_imbalance.__all__
    )


@pytest.mark.parametrize(("name", "thing"), public_objects().items(), ids=public_objects())
def test_the_docstring_shows_an_example_that_runs(name: str, thing: object) -> None:
    docstring = inspect.getdoc(thing) if not inspect.isclass(thing) else vars(thing).get("__doc__")

    assert docstring, f"{name} has no docstring"
    assert "Example:" in docstring, f"the docstring of {name} has no section `Example:`"
    assert ">>> " in docstring, f"the example of {name} does not run"


def test_importing_adds_nothing_to_what_lightning_and_torchmetrics_load() -> None:
    program = (
        "import sys, lightning, torchmetrics\n"
        "before = set(sys.modules)\n"
        "from lightning_imbalance import *\n"
        "print(*sorted(name for name in set(sys.modules) - before if name.split('.')[0] != 'lightning_imbalance'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_who_only_counts_waits_for_no_other_library() -> None:
    program = (
        "import sys, torch.utils.data\n"
        "before = set(sys.modules)\n"
        "from lightning_imbalance import ClassDistribution, class_weights, prior\n"
        "d = ClassDistribution.from_labels([0, 0, 1])\n"
        "prior.effective_prior(d, class_weights(d))\n"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(loaded & {'lightning', 'torchmetrics', 'torchvision', 'rich'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'WeightedClassifer'"):
        lightning_imbalance.WeightedClassifer  # noqa: B018

    assert set(lightning_imbalance.__all__) <= set(dir(lightning_imbalance))
