"""Everything that is measured, in one command: runs the benchmarks and writes ``RESULTS.md`` and ``results.json``.

Usage::

    python benchmarks/bench.py                   # all that measure costs
    python benchmarks/bench.py counting losses   # some of them, or those that take longer
    python benchmarks/bench.py --check           # measure again, and compare with results.json
    python benchmarks/bench.py --render          # only write RESULTS.md anew

A check says which ratios are worse than before: above the committed median times 1.25, and above the largest of the
committed rounds. Bytes and exponents do not depend on the machine's mood and may be 5 % worse. It ends with 1 if there
is one, and changes no file.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS, PAGE = HERE / "results.json", HERE / "RESULTS.md"
TOLERANCE, TOLERANCE_OF_COUNTED = 1.25, 1.05
COUNTED = ("memory", "exponent", "collectives", "numbers")

HEAD = """# Results of the benchmarks

Each table is the unedited output of the command above it. A ratio is the cost with this package in units of the cost
without it, measured in one interleaved run; a time alone says nothing about another machine. Machine: x86_64, 2 cores
shared with other work, one thread for torch. Seeds are fixed in the scripts, 0 unless an option says otherwise.

`make bench` measures all costs again and writes this page; `make bench-check` compares with it.
"""


@dataclass(frozen=True)
class Section:
    """A benchmark and what is said of it.

    Attributes:
        title: Its heading.
        arguments: What it is started with.
        about: Below its output.
        cost: Whether ``make bench`` runs it, and its ratios are checked.
    """

    title: str
    arguments: tuple[str, ...] = ()
    about: str = ""
    cost: bool = True


SECTIONS = {
    "counting": Section(
        "Counting",
        about="Beside counting them, the labels are read once more, for the check that they are class indices.\n"
        "Indices that are small in spite of their 64 bits are then counted as small integers, which pays for\n"
        "the check. "
        "Against torchsampler: 100,000 labels take so little that the fixed cost of the weights shows; the labels of\n"
        "a folder are a Python list of whole numbers, and reading that is most of what either does.",
    ),
    "losses": Section(
        "Losses",
        ("--clock", "cpu"),
        "- At 256 x 10 time is a count of calls: the arithmetic takes microseconds, and torch's whole loss 60. A\n"
        "  mean that is 0 where nothing counts, the check of shapes and the sum of the weights are 20 to 30\n"
        "  microseconds more; what follows from the counts (priors, margins, smoothings) 25 to 40 more; a Python\n"
        "  function in autograd, as the sigmoid losses and the asymmetric one are, 20. The other packages'\n"
        "  sigmoid focal losses need fewer calls and are faster there, as they are slower for larger logits.\n"
        "  Memory at this size is what one block of logits needs, less than 200 KB.\n"
        "- At 4,096 x 1,000 time follows what is moved, and LDAM moves 1.5 times as much as torch: margins, and\n"
        "  logits with them. Seesaw has a softmax of the scores beside that of the loss: in torch's operations,\n"
        "  two softmaxes and an addition are 1.7. Equalization draws a random number for each logit: torch's loss\n"
        "  and the numbers are 3.1. The asymmetric loss for one label sums a power of every class's probability,\n"
        "  which in torch's operations is 3.8.\n"
        "- Several labels: time is that of exponentials and logarithms, and what is moved is counted as if no\n"
        "  block stayed in the cache. Focal has both sides of every target, since a target may be a probability;\n"
        "  the distribution-balanced loss has two logits a target, the second scaled, and so each function twice:\n"
        "  torch's loss twice is 2.3.\n"
        "- Memory above 1.3: the asymmetric loss for one label keeps the derivative of its power beside the\n"
        "  logarithms, and the distribution-balanced one its weight for each label and sample.",
    ),
    "epoch": Section(
        "An epoch",
        ("--clock", "cpu", "--rounds", "5"),
        "The first row of each group compares the hand-written module with itself: that is how far noise alone moves\n"
        "a ratio. Of an epoch of ResNet-18 the network is nearly all, so that its ratios are 1 within that.",
    ),
    "monitor": Section(
        "The monitor",
        ("--clock", "cpu"),
        "With 10 classes it misses the goal. What is left, by a profile: Lightning's work for one more callback,\n"
        "reading and copying what each step returns, and logging a dozen figures. Of 10,000 classes there are 5,000\n"
        "samples.",
    ),
    "samplers": Section(
        "Samplers",
        ("--clock", "cpu"),
        "Memory is what a process has at its highest beyond the labels, up to the first index; the last row is all of "
        "the process, its\nlibraries and labels included, for six times the samples at which torch's sampler stops. "
        "The other packages are measured for\nfewer labels: what pytorch-metric-learning spends on a sample grows with "
        "the size of its class.",
    ),
    "exact_mean": Section("The exact mean", ("--rounds", "11")),
    "growth": Section(
        "Growth",
        ("--clock", "cpu", "--picture", "benchmarks/growth.png"),
        "Seesaw is above the goal: between 1,000 and 10,000 classes its tensors, more than those of the others, leave\n"
        "the processor's cache.\n\n"
        "![Cost against samples and against classes on logarithmic axes, each a line](growth.png)",
    ),
    "inspecting": Section("Looking at files", cost=False),
    "tabular": Section(
        "Ten remedies on eight tables",
        ("--picture", "benchmarks/tabular.png"),
        "![Mean ranks of ten remedies on a line, with bars over those that are not shown to differ](tabular.png)",
        cost=False,
    ),
    "false_recommendations": Section(
        "False recommendations",
        about="`wrong` is the share of comparisons in which a remedy that is no better was recommended, `found` that\n"
        "in which the better one was shown to be better. The intervals of `compare` hold together at 95 %, and one\n"
        "end of them is used.",
        cost=False,
    ),
}


def run(name: str, section: Section) -> dict[str, Any]:
    """Run a benchmark; what it says of its progress goes to the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [f"benchmarks/{name}.py", *section.arguments]
        print(f"$ python {' '.join(command)}", file=sys.stderr, flush=True)
        wanted = ["--json", str(file)] if section.cost else []
        done = subprocess.run(
            [sys.executable, *command, *wanted], cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"benchmarks/{name}.py must end with 0, got {done.returncode}; what it said stands above.")
        rows = json.loads(file.read_text(encoding="utf-8")) if section.cost else []
    today = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
    return {"command": " ".join(command), "date": today, "printed": done.stdout.strip(), "rows": rows}


def render(results: dict[str, Any]) -> str:
    """Return the page."""
    parts = [HEAD]
    for name, section in SECTIONS.items():
        if name in results:
            found = results[name]
            parts.append(f"## {section.title}\n\n```console\n$ python {found['command']}\n```\n")
            parts.append(f"```text\n{found['printed']}\n```\n")
            parts += [f"{section.about}\n"] if section.about else []
            parts.append(f"Run on {found['date']}.\n")
    return "\n".join(parts)


def worse(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[str]:
    """Return a line for each ratio that has become worse than the tolerance allows, or is gone."""
    found, known = [], {row["name"]: row for row in now}
    for row in before:
        name = row["name"]
        if name not in known:
            found.append(f"{name}: was {row['median']:.3f}, and is not measured any more")
            continue
        counted = any(word in name for word in COUNTED)
        limit = row["median"] * TOLERANCE_OF_COUNTED if counted else max(row["median"] * TOLERANCE, row["max"])
        median = known[name]["median"]
        if median > limit:
            found.append(f"{name}: was {row['median']:.3f}, may be {limit:.3f}, is {median:.3f}")
    return found


def main() -> None:
    """Run, write or check."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and write RESULTS.md.")
    parser.add_argument("names", nargs="*", choices=[[], *SECTIONS], metavar="NAME", help=", ".join(SECTIONS))
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="compare with results.json, and write nothing")
    mode.add_argument("--render", action="store_true", help="run nothing, and write RESULTS.md from results.json")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    names = options.names or [name for name, section in SECTIONS.items() if section.cost]
    regressions = []
    for name in [] if options.render else names:
        found = run(name, SECTIONS[name])
        if options.check:
            regressions += worse(results.get(name, {}).get("rows", []), found["rows"])
            continue
        results[name] = found
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.check:
        print("\n".join(regressions) or "no ratio is worse than the tolerance allows")
        sys.exit(bool(regressions))
    PAGE.write_text(render(results), encoding="utf-8")


if __name__ == "__main__":
    main()
