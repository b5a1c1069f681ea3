"""How long `lightning-imbalance inspect` takes: 60,000 images in folders, and a table of 10 million rows.

Run it with `python benchmarks/inspecting.py [IMAGES] [ROWS] [ROUNDS]`. Each figure is the whole process, with its
imports; the files are made first, so that they are in the disk cache.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

_CLASSES = 100


def make_images(root: Path, images: int) -> None:
    """Write empty files: inspecting opens none."""
    for index in range(images):
        folder = root / f"class {index % _CLASSES:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index}.jpg").touch()


def make_tables(root: Path, rows: int) -> None:
    """Write seven columns of numbers and one of classes, as CSV and as Parquet."""
    random = np.random.default_rng(0)
    names = np.array(["paid", "late", "default", "fraud"])
    columns = {f"x{index}": np.round(random.normal(size=rows), 4) for index in range(6)}
    label = names[random.choice(4, rows, p=[0.9, 0.07, 0.025, 0.005])]
    table = pa.table({**columns, "amount": random.integers(0, 10**6, rows), "label": label})
    csv.write_csv(table, str(root / "table.csv"))
    parquet.write_table(table, str(root / "table.parquet"))


def seconds(rounds: int, *arguments: str) -> float:
    """Return the fastest of some runs of the program."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        command = [sys.executable, "-m", "lightning_imbalance", "inspect", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Make the data, inspect them, and print the seconds."""
    given = [int(word) for word in sys.argv[1:]]
    images, rows, rounds = [*given, *(60_000, 10_000_000, 3)[len(given) :]]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_images(root / "images", images)
        print(f"{images:,} images in {_CLASSES} folders: {seconds(rounds, str(root / 'images')):.2f} s")
        make_tables(root, rows)
        for ending in ("csv", "parquet"):
            file = root / f"table.{ending}"
            size = file.stat().st_size / 1e6
            print(
                f"{rows:,} rows of {ending} ({size:,.0f} MB): {seconds(rounds, str(file), '--target', 'label'):.2f} s"
            )


if __name__ == "__main__":
    main()
