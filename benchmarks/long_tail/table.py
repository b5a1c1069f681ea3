"""RESULTS.md and its picture out of the finished runs.

python benchmarks/long_tail/table.py
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import finished
from methods import rows
from published import PUBLISHED, Published
from recipe import Scale

from lightning_imbalance.drawing.canvas import new_picture

BASELINE = "cross-entropy"
# Points: how far a difference to cross-entropy may be from the published one, and how large a published gap between two
# methods must be for their order to be asked for.
TOLERANCE = 1.5

FOREWORD = """# Long-tailed image classification beside published figures

Made of `results.jsonl` by `python benchmarks/long_tail/table.py`, one section a scale; how to add runs is said in
[CONTRIBUTING.md](../../CONTRIBUTING.md#long-tailed-images). Accuracy is on a balanced test set, in percent, mean and
standard deviation (in brackets) over seeds. The **best** epoch is chosen on the test set, as the papers do, and
flatters; the **last** one is what a user would get. The differences are to cross-entropy of the same seed. The images
are JPEG files, not the lossless originals that the papers train on: what can be compared is a difference to the
cross-entropy of the same table, not an accuracy. τ of tau-norm is chosen on one half of the test images for the other.
"""


@dataclass(frozen=True)
class Row:
    """A method at a scale.

    Attributes:
        name: The method.
        last: Accuracy after the last epoch by seed, in percent.
        best: Accuracy in the best epoch by seed.
        recall: Mean recall of each class after the last epoch.
    """

    name: str
    last: dict[int, float]
    best: dict[int, float]
    recall: tuple[float, ...]


def collect(runs: Sequence[finished.Run]) -> list[Row]:
    """Return the rows of runs of one scale, in the order of the methods."""
    readings: dict[str, dict[int, Any]] = {}
    for run in runs:
        for name, reading in run["readings"].items():
            readings.setdefault(name, {})[run["seed"]] = reading
    return [
        Row(
            name,
            {seed: 100 * each["accuracy"][-1] for seed, each in readings[name].items()},
            {seed: 100 * max(each["accuracy"]) for seed, each in readings[name].items()},
            tuple(map(mean, zip(*(each["recall"] for each in readings[name].values()), strict=True))),
        )
        for name in rows()
        if name in readings
    ]


def paired(row: dict[int, float], baseline: dict[int, float]) -> list[float]:
    """Return the differences of the seeds that both have."""
    return [row[seed] - baseline[seed] for seed in sorted(row.keys() & baseline.keys())]


def spread(values: Sequence[float], sign: str = "") -> str:
    """Return mean and standard deviation as text."""
    if not values:
        return "–"
    deviation = f" ({stdev(values):.1f})" if len(values) > 1 else ""
    return f"{mean(values):{sign}.1f}{deviation}"


def verdict(difference: float, published: Published) -> str:
    """Say how far a difference to cross-entropy is from the published one, and whether that is near enough."""
    off = difference - published.difference
    return f"{off:+.1f}, {'within' if abs(off) <= TOLERANCE else 'outside'} {TOLERANCE}"


def reversed_pairs(differences: dict[str, float]) -> tuple[int, list[str]]:
    """Compare the order of the methods with that of each source.

    Args:
        differences: Measured difference to cross-entropy by method, in points.

    Returns:
        How many pairs of a source are further apart there than the tolerance, and those of them that came out the other
        way round.
    """
    asked, wrong = 0, []
    for one, other in combinations([name for name in differences if name in PUBLISHED], 2):
        first, second = PUBLISHED[one], PUBLISHED[other]
        gap = first.accuracy - second.accuracy
        if first.source is not second.source or abs(gap) <= TOLERANCE:
            continue
        asked += 1
        if (differences[one] - differences[other]) * gap < 0:
            better, worse = (one, other) if gap > 0 else (other, one)
            wrong.append(f"{better} above {worse} by {abs(gap):.1f} in {first.source.name}")
    return asked, wrong


def section(scale: Scale, runs: Sequence[finished.Run]) -> str:
    """Return the section of one scale."""
    whole = scale.is_published
    table = collect(runs)
    baseline = next((row for row in table if row.name == BASELINE), None)
    heads = ["method", "seeds", "last", "best", "last − CE", "best − CE"]
    heads += ["published", "published − CE", "off", "source"] if whole else []
    lines, differences = [heads, ["---"] * len(heads)], {}
    for row in table:
        last = paired(row.last, baseline.last) if baseline else []
        best = paired(row.best, baseline.best) if baseline else []
        cells = [row.name, str(len(row.last)), spread([*row.last.values()]), spread([*row.best.values()])]
        cells += ["", ""] if row.name == BASELINE else [spread(last, "+"), spread(best, "+")]
        if best:
            differences[row.name] = mean(best)
        if whole:
            accuracy, difference, source = target(row.name)
            judged = row.name in PUBLISHED and row.name != BASELINE and best
            cells += [accuracy, difference, verdict(mean(best), PUBLISHED[row.name]) if judged else "", source]
        lines.append(cells)
    after = [_order(differences), _sources()] if whole else []
    return "\n\n".join([_title(scale), _conditions(scale, runs), _markdown(lines), *filter(None, after)])


def target(name: str) -> tuple[str, str, str]:
    """Return the published accuracy of a method, its difference to cross-entropy, and where it stands."""
    published = PUBLISHED.get(name)
    if published is None:
        return "none", "", ""
    note = f"; {published.note}" if published.note else ""
    difference = "" if name == BASELINE else f"{published.difference:+.2f}"
    return f"{published.accuracy:.2f}", difference, published.source.name + note


def not_run() -> str:
    """Return the section that stands where the papers' scale has no run: the targets, and how to get there."""
    lines = [["method", "published", "published − CE", "source"], ["---"] * 4]
    lines += [[name, *target(name)] for name in rows()]
    command = "```console\n$ python benchmarks/long_tail/run.py --data cifar10.zip --at-once 8\n```"
    goal = (
        "and this is what its table will be judged by: a difference to cross-entropy within "
        f"{TOLERANCE} points of the published one, and the published order of methods."
    )
    return "\n\n".join(
        [
            "## The papers' scale: not run yet",
            "A ResNet-32 for 200 epochs is a matter of a GPU, and none was at hand. The command is",
            command,
            goal,
            _markdown(lines),
            _sources(),
        ]
    )


def picture(runs: Sequence[finished.Run], file: Path) -> None:
    """Draw the recall of each class after the last epoch, a row a method."""
    table = collect(runs)
    counts = runs[0]["scale"]["counts"]
    figure = new_picture(1.5 + 0.6 * len(counts), 1.0 + 0.32 * len(table), "the picture of the long-tail benchmark")
    axes = figure.subplots()
    axes.imshow([row.recall for row in table], cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for y, row in enumerate(table):
        for x, recall in enumerate(row.recall):
            colour = "black" if recall > 0.55 else "white"
            axes.text(x, y, f"{100 * recall:.0f}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_yticks(range(len(table)), [row.name for row in table], fontsize=8)
    axes.set_xticks(range(len(counts)), [f"{count:,}" for count in counts], fontsize=8)
    axes.set_xlabel("training images of the class", fontsize=9)
    axes.set_title("Recall of each class after the last epoch, percent", fontsize=10)
    figure.savefig(file, dpi=120, metadata={"Software": None})


def write(results: Path, report: Path) -> None:
    """Write the report, and a picture of each scale beside it."""
    by_scale: dict[Scale, list[finished.Run]] = {}
    for run in finished.read(results):
        by_scale.setdefault(Scale.of(run["scale"]), []).append(run)
    parts = [FOREWORD.strip()]
    for scale in sorted(by_scale, key=lambda each: (-each.epochs, -each.depth)):
        name = f"recall-{scale.data}-resnet{scale.depth}-{scale.epochs}.png"
        picture(by_scale[scale], report.with_name(name))
        parts += [section(scale, by_scale[scale]), f"![Recall of each class, one row a method]({name})"]
    if not any(scale.is_published for scale in by_scale):
        parts.append(not_run())
    report.write_text("\n\n".join(parts) + "\n")


def _title(scale: Scale) -> str:
    title = f"## {scale.data}, ResNet-{scale.depth}, {scale.epochs} epochs"
    return title if scale.is_published else f"{title}: a smaller scale"


def _conditions(scale: Scale, runs: Sequence[finished.Run]) -> str:
    devices, dates = (sorted({run[key] for run in runs}) for key in ("device", "date"))
    versions = sorted({", ".join(f"{name} {number}" for name, number in run["versions"].items()) for run in runs})
    seconds = [run["seconds"] for run in runs]
    counts = ", ".join(f"{count:,}" for count in scale.counts)
    small = "No published figure applies to so short a training of so small a network. "
    return (
        f"{'' if scale.is_published else small}Training images by class: {counts}; test images: "
        f"{scale.test_per_class:,} a class. Batches of {scale.batch_size}, {scale.precision}. {len(runs)} trainings of "
        f"{min(seconds):.0f} to {max(seconds):.0f} s on {' and '.join(devices)}, each a process of one thread, "
        f"{' to '.join(dict.fromkeys([dates[0], dates[-1]]))}; {'; '.join(versions)}."
    )


def _order(differences: dict[str, float]) -> str:
    asked, wrong = reversed_pairs(differences)
    if not asked:
        return ""
    kept = (
        f"Of {asked} pairs of methods that one source has more than {TOLERANCE} points apart, {asked - len(wrong)} "
        "came out in the same order."
    )
    return kept + (f" The other way round: {'; '.join(wrong)}." if wrong else "")


def _sources() -> str:
    sources = dict.fromkeys(published.source for published in PUBLISHED.values())
    lines = [f"- [{each.name}]({each.url}) (cross-entropy {each.cross_entropy:.2f}): {each.recipe}" for each in sources]
    return "\n".join(["Where the published figures stand, and how they were trained:", "", *lines])


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Write RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("results.jsonl"))
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    options = parser.parse_args()
    write(options.results, options.output)


if __name__ == "__main__":
    main()
