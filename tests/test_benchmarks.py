"""The benchmarks at a tiny size: they run and print ratios. Which ratios, no test asks: the machine may be busy."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
ROW = re.compile(r"^ +(\S.*?)  +(\d+\.\d{3})  +\d+\.\d{3} - \d+\.\d{3}  +(?:\d\.\d\d  +(met|missed))?", re.MULTILINE)


@pytest.fixture
def interleaved(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file as the scripts see it, which find it beside themselves."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("interleaved")


def rows(script: str, options: str) -> dict[str, tuple[float, str]]:
    """Run a benchmark; return ratio and verdict of each comparison."""
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *options.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "torch.set_num_threads(1)" in done.stdout
    return {name: (float(ratio), verdict) for name, ratio, verdict in ROW.findall(done.stdout)}


def test_counting_prints_a_ratio_for_each_kind_of_labels_and_for_the_folder() -> None:
    found = rows("counting.py", "--sizes 100000 --files 20 --folders 4 --rounds 2")

    # The other rows are of a package that need not be installed.
    assert [name for name in found if "torchsampler" not in name] == [
        "100,000 int64, 10 classes: from_labels / bincount",
        "100,000 int64, 1000 classes: from_labels / bincount",
        "100,000 uint8, 10 classes: from_labels / bincount",
        "100,000 uint8, 200 classes: from_labels / bincount",
        "20 files in 4 folders: from_dataset / ImageFolder",
        "20 files in 4 folders: from_dataset of a Subset / ImageFolder",
    ]
    assert all(ratio > 0 for ratio, _ in found.values())
    assert {name for name, (_, verdict) in found.items() if verdict} == {
        name for name in found if "torchsampler" in name
    }


def test_epoch_prints_a_ratio_for_each_pair_and_judges_those_that_have_a_goal() -> None:
    found = rows("epoch.py", "--networks mlp --classes 4 --steps 2 --val-steps 2 --batch-size 8 --epochs 1 --rounds 1")

    assert all(ratio > 0 for ratio, _ in found.values())
    assert {name: verdict != "" for name, (_, verdict) in found.items()} == {
        "mlp, 4 classes: hand-written again / hand-written": False,
        "mlp, 4 classes: WeightedClassifier / hand-written": True,
        "mlp, 4 classes: with ImbalanceMonitor / with torchmetrics": True,
        "mlp, 4 classes: with ImbalanceMonitor / with torchmetrics, unchecked": False,
    }


@pytest.mark.xdist_group("processes")
def test_samplers_prints_a_ratio_for_each_and_names_what_is_missing() -> None:
    found = rows("samplers.py", "--size 2000 --others 1000 --largest 3000 --rounds 1")

    ours = [name for name in found if "WeightedRandomSampler" in name]
    assert ours == [
        "to the first of 2,000: ClassBalancedSampler / WeightedRandomSampler",
        "to the first of 2,000: with replacement / WeightedRandomSampler",
        "whole epoch of 2,000: ClassBalancedSampler / WeightedRandomSampler",
        "whole epoch of 2,000: with replacement / WeightedRandomSampler",
        "memory: ClassBalancedSampler / WeightedRandomSampler",
        "memory: with replacement / WeightedRandomSampler",
    ]
    assert "memory: 3,000 uint8, all of the process / 4 GiB" in found
    assert "to the first: 2,000 / 10 times 200" in found
    assert all(verdict == "" for _, verdict in found.values())


@pytest.mark.xdist_group("processes")
def test_exact_mean_prints_a_ratio_for_one_process_and_for_two() -> None:
    found = rows("exact_mean.py", "--width 8 --batch-size 4 --steps 1 --rounds 1")

    assert all(ratio > 0 for ratio, _ in found.values())
    assert {name: verdict != "" for name, (_, verdict) in found.items()} == {
        "1 process, 1 batch a step: exact mean / mean of each batch": True,
        "1 process, 2 batches a step: exact mean / mean of each batch": False,
        "2 processes, 1 batch a step: exact mean / mean of each batch": True,
        "2 processes, 1 batch a step, collectives of a step": False,
        "2 processes, 1 batch a step, numbers of a step": False,
    }


@pytest.mark.xdist_group("processes")
def test_one_gradient_prints_both_deviations_and_draws_them(tmp_path: Path) -> None:
    script = [sys.executable, str(BENCHMARKS / "one_gradient.py"), "--processes", "2", "--accumulated", "2"]

    done = subprocess.run([*script, "--picture", "table.png"], capture_output=True, text=True, check=True, cwd=tmp_path)

    cells = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [(int(row[0]), int(row[1])) for row in cells] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert all(float(row[3]) < 1e-5 for row in cells)
    assert all(float(row[2]) > 1e-2 for row in cells[1:])
    assert (tmp_path / "table.png").stat().st_size > 1000


def test_runs_take_turns_in_alternating_order_and_the_first_round_does_not_count(interleaved: ModuleType) -> None:
    calls: list[str] = []
    runs = {name: lambda name=name: calls.append(name) or float(len(calls)) for name in "ab"}

    times = interleaved.interleave("two letters", runs, rounds=2)

    assert "".join(calls) == "abbaab"
    assert times == {"a": [4.0, 5.0], "b": [3.0, 6.0]}


@pytest.mark.parametrize(("goal", "cells"), [(2.0, ("2.00", "met")), (1.9, ("1.90", "missed")), (None, ("", ""))])
def test_the_ratio_of_a_comparison_is_the_median_over_its_rounds(
    interleaved: ModuleType, goal: float | None, cells: tuple[str, str]
) -> None:
    comparison = interleaved.Comparison("a / b", [1.0, 4.0, 9.0], [1.0, 2.0, 3.0], goal)

    assert comparison.row() == ("a / b", "2.000", "1.000 - 3.000", *cells, "2,000 ms")


def test_a_repeated_call_is_timed_by_the_call(interleaved: ModuleType) -> None:
    ticks = iter([1.0, 7.0])
    calls: list[None] = []

    run = interleaved.timed(lambda: calls.append(None), lambda: next(ticks), 3)

    assert run() == 2.0
    assert len(calls) == 3


def test_synthetic_data_prints_a_row_for_each_remedy() -> None:
    remedies = ["SMOTE", "CutMixMinority, training set"]
    script = [sys.executable, str(BENCHMARKS / "synthetic_data.py"), "--seeds", "1", "--epochs", "1"]

    done = subprocess.run([*script, "--remedies", *remedies], capture_output=True, text=True, check=True)

    found = re.findall(r"^(\S.*?)  +(\d\.\d{3}) \(0\.000\) +(\d\.\d\d)$", done.stdout, re.MULTILINE)
    assert [name for name, *_ in found] == remedies


def test_the_pictures_of_a_comparison_are_made_and_ask_for_no_font(tmp_path: Path) -> None:
    script = [sys.executable, str(BENCHMARKS / "compare_pictures.py"), str(tmp_path), "--epochs", "1", "--seeds", "2"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    browser = shutil.which("chromedriver") is not None

    assert done.returncode == (0 if browser else 1), done.stderr
    svg = (tmp_path / "compare-terminal.svg").read_text(encoding="utf-8")
    assert "balanced_softmax" in svg
    assert not re.search(r"font-face|url\(.?http|href", svg)
    if browser:
        assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "report.png was not made: there is no chromedriver on the PATH" in done.stderr


def test_inspecting_prints_seconds_for_images_and_both_tables() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "inspecting.py"), "100", "1000", "1"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert [re.sub(r"\d+\.\d\d s|\(.*\)", "", line).strip() for line in done.stdout.splitlines()] == [
        "100 images in 100 folders:",
        "1,000 rows of csv :",
        "1,000 rows of parquet :",
    ]


def test_false_recommendations_prints_a_share_for_each_scene_and_test_part() -> None:
    script = [sys.executable, str(BENCHMARKS / "false_recommendations.py"), "--comparisons", "2"]
    scenes = ["no remedy differs", "one remedy is better"]

    done = subprocess.run(
        [*script, "--scenes", *scenes, "--tests", "520, even"], capture_output=True, text=True, check=True
    )

    found = re.findall(r"^(\S.*?)  +520, even +(\d+\.\d)(?: +(\d+\.\d))?$", done.stdout, re.MULTILINE)
    assert [name for name, *_ in found] == scenes
    assert all(0 <= float(wrong) <= 100 for _, wrong, _ in found)


def test_losses_prints_time_and_memory_of_each() -> None:
    found = rows("losses.py", "--shapes 8x5 --rounds 1")

    assert {
        "8x5: cross_entropy / torch",
        "8x5: seesaw / torch",
        "8x5, memory: focal / torch",
        "8x5 labels: distribution_balanced / torch",
        "8x5, memory moved: torch and a second softmax / torch",
    } <= set(found)
    assert found["8x5, memory: cross_entropy / torch"] == (1.0, "met")


def test_what_is_moved_is_what_each_operation_reads_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    allocated = importlib.import_module("allocated")
    values = torch.zeros(100)

    assert allocated.moved_bytes(lambda: values.view(10, 10) + 1) == 4 * 200
    assert allocated.moved_bytes(values.zero_) == 4 * 100
    assert allocated.moved_bytes(lambda: torch.zeros(1).expand(100) * values) == 4 * (1 + 1 + 200)
    assert allocated.peak_bytes(lambda: values.neg().neg()) == 4 * 200


def test_monitor_prints_what_it_adds_and_what_it_holds() -> None:
    found = rows("monitor.py", "--samples 384 --classes 10 --rounds 1")

    assert {name: verdict != "" for name, (_, verdict) in found.items()} == {
        "10 classes: monitor / MetricCollection": True,
        "10 classes: monitor / a log for each class": True,
        "10 classes, memory: monitor / matrix": False,
        "10 classes, memory: MetricCollection / matrix": False,
    }


def test_growth_prints_an_exponent_for_each_cost_and_draws_them(tmp_path: Path) -> None:
    picture = tmp_path / "growth.png"

    found = rows("growth.py", f"--samples 1000 10000 --classes 10 100 --rounds 1 --picture {picture}")

    assert {"exponent in samples N: counting", "exponent in classes C: class weights"} <= set(found)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_exponent_is_the_slope_of_the_larger_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    growth = importlib.import_module("growth")

    # 10 and 100 cost the same; from there on the cost is that of size^1.5.
    slopes = growth.exponents({10: [7.0], 100: [7.0], 1000: [1000**1.5], 10_000: [10_000**1.5]})

    assert slopes == [pytest.approx(1.5)]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("bench")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(module, "PAGE", tmp_path / "RESULTS.md")
    section = module.Section("Counting", ("--sizes", "1000", "--files", "4", "--folders", "2", "--rounds", "1"), "Why.")
    monkeypatch.setattr(module, "SECTIONS", {"counting": section})
    return module


def test_bench_writes_page_and_rows_and_checks_against_them(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench.py"])
    bench.main()

    page = bench.PAGE.read_text(encoding="utf-8")
    assert "## Counting\n\n```console\n$ python benchmarks/counting.py --sizes 1000" in page
    assert "1,000 int64, 10 classes: from_labels / bincount" in page
    assert "\nWhy.\n" in page
    results = json.loads(bench.RESULTS.read_text(encoding="utf-8"))
    for row in results["counting"]["rows"]:
        row["median"] = row["max"] = 1e-9
    bench.RESULTS.write_text(json.dumps(results), encoding="utf-8")

    monkeypatch.setattr(sys, "argv", ["bench.py", "--check"])
    with pytest.raises(SystemExit) as stop:
        bench.main()

    assert stop.value.code
    assert "1,000 int64, 10 classes: from_labels / bincount: was 0.000, may be 0.000, is " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "now", "said"),
    [
        ("a / b", 1.24, []),
        ("a / b", 1.26, ["a / b: was 1.000, may be 1.250, is 1.260"]),
        ("spread / b", 1.9, []),
        ("memory: a / b", 1.06, ["memory: a / b: was 1.000, may be 1.050, is 1.060"]),
        ("gone / b", None, ["gone / b: was 1.000, and is not measured any more"]),
    ],
)
def test_a_ratio_is_worse_beyond_tolerance_and_spread(
    bench: ModuleType, name: str, now: float | None, said: list[str]
) -> None:
    before = [{"name": name, "median": 1.0, "max": 2.0 if name.startswith("spread") else 1.1}]

    assert bench.worse(before, [] if now is None else [{"name": name, "median": now}]) == said


def test_the_page_of_results_is_what_the_file_of_results_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("bench")

    assert module.render(json.loads(module.RESULTS.read_text(encoding="utf-8"))) == module.PAGE.read_text(
        encoding="utf-8"
    )


def test_tabular_ranks_the_remedies_of_each_table_and_draws_them(tmp_path: Path) -> None:
    script = [sys.executable, str(BENCHMARKS / "tabular.py"), "--tables", "iris", "wine", "2 clusters, mixed"]
    script += ["--remedies", "none", "weighted", "posthoc", "--seeds", "2", "--epochs", "1"]

    done = subprocess.run([*script, "--picture", "ranks.png"], capture_output=True, text=True, check=True, cwd=tmp_path)

    found = re.findall(r"^ +(\w+)((?: +\d\.\d{3}){3}) +(\d\.\d\d)$", done.stdout, re.MULTILINE)
    assert {name for name, *_ in found} == {"none", "weighted", "posthoc"}
    assert sum(float(rank) for *_, rank in found) == pytest.approx(6, abs=0.02)
    assert "Two mean ranks over 3 tables differ at 0.05 if they are 1.91 apart (Nemenyi)." in done.stdout
    assert (tmp_path / "ranks.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("remedies", "q"), [(2, 1.960), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_the_quantiles_of_the_papers_table(
    monkeypatch: pytest.MonkeyPatch, remedies: int, q: float
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tabular = importlib.import_module("tabular")

    expected = q * (remedies * (remedies + 1) / (6 * 8)) ** 0.5
    assert tabular.critical_difference(remedies, 8) == pytest.approx(expected, abs=2e-3)


def test_remedies_that_are_close_share_a_bar_and_equal_ones_a_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tabular = importlib.import_module("tabular")

    assert tabular.ranks([[0.9, 0.7, 0.7], [0.1, 0.2, 0.3]]).tolist() == [[1, 2.5, 2.5], [3, 2, 1]]
    assert tabular.cliques([1.0, 2.0, 2.5, 5.0], 1.2) == [(1.0, 2.0), (2.0, 2.5)]
    assert tabular.cliques([3.0, 1.0, 2.0], 2.0) == [(1.0, 3.0)]
