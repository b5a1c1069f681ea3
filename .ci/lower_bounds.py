"""Print each runtime dependency of pyproject.toml at its lower bound, as pip reads it.

``===`` and not ``==``: the latter also accepts a build with a local version such as ``2.6.0+cpu``, and a CPU-only torch
beside an ordinary torchvision cannot be imported.

With ``--installed`` nothing is printed unless an installed version is not the lower bound; then the exit code is 1.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def lower_bounds() -> dict[str, str]:
    """Read the lower bound of each runtime dependency.

    Raises:
        ValueError: A requirement is not a name and one lower bound.
    """
    bounds = {}
    for requirement in tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]:
        parts = re.fullmatch(r"([\w.-]+)>=(\d+\.\d+\.\d+)", requirement)
        if parts is None:
            message = f"each runtime dependency must be a name and a lower bound (name>=1.2.3), got {requirement!r}."
            raise ValueError(message)
        bounds[parts[1]] = parts[2]
    return bounds


def main() -> int:
    """Print the bounds, or compare them with what is installed."""
    bounds = lower_bounds()
    if "--installed" not in sys.argv[1:]:
        print(*(f"{name}==={bound}" for name, bound in bounds.items()), sep="\n")
        return 0
    wrong = [
        f"{name} must be installed at its lower bound {bound}, got {version(name)}."
        for name, bound in bounds.items()
        if version(name) != bound
    ]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
