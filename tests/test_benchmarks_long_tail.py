"""The long-tail benchmark at a tiny size: what it is made of, that every method trains, and what its table says."""

from __future__ import annotations

import importlib
import json
import math
import re
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from lightning_imbalance.distribution import ClassDistribution
from lightning_imbalance.losses import BalancedSoftmaxLoss, CosineClassifier, LogitAdjustedLoss

LONG_TAIL = Path(__file__).resolve().parents[1] / "benchmarks" / "long_tail"
COUNTS = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
CPU = torch.device("cpu")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The files as the scripts see them, which find each other beside themselves."""
    monkeypatch.syspath_prepend(str(LONG_TAIL))
    return importlib.import_module


def paint(folder: Path, train: int, test: int, classes: str = "abc", size: int = 32) -> Path:
    """Write images of one colour a class, the colour a little different from file to file."""
    for part, count in (("train", train), ("test", test)):
        for label, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                colour = tuple(40 + i if channel == label else 200 for channel in range(3))
                Image.new("RGB", (size, size), colour).save(folder / part / name / f"{i:03}.png")
    return folder


def tiny(module: Any, folder: Path, **options: Any) -> tuple[Any, Any]:
    """Return images and scale of a folder of three classes with 12, 4 and 2 training images."""
    images = module("images")
    chosen = images.load(images.choose(images.find_files(folder), 6, 12, 2))
    counts = tuple(chosen.train_labels.bincount().tolist())
    scale = module("recipe").Scale("tiny", counts, 2, 8, 1, 8, "32-true")
    return chosen, module("dataclasses").replace(scale, **options)


# --- what the benchmark is made of


def test_the_training_part_has_the_counts_of_the_papers_and_the_test_part_is_balanced(module) -> None:
    images = module("images")
    entries = [(f"{label}/{i}", label) for label in range(10) for i in range(5000)]
    files = images.Files("cifar10", tuple("abcdefghij"), {"train": entries, "test": entries}, bytes)

    chosen = images.choose(files, 100, test_per_class=1000)

    assert [label for _, label in chosen.parts["train"]] == [c for c in range(10) for _ in range(COUNTS[c])]
    assert [label for _, label in chosen.parts["test"]] == [c for c in range(10) for _ in range(1000)]


def test_the_draw_is_that_of_seed_0_and_the_same_each_time(module, tmp_path) -> None:
    images = module("images")
    files = images.find_files(paint(tmp_path, 12, 2))

    chosen, again = (images.choose(files, 6, 12) for _ in range(2))

    assert chosen.parts == again.parts
    assert len(set(chosen.parts["train"])) == len(chosen.parts["train"]) == 12 + 4 + 2
    assert chosen.parts["train"] != [entry for entry in files.parts["train"] if int(entry[0][-7:-4]) < 12]


def test_what_is_packed_is_chosen_whole_again(module, tmp_path) -> None:
    images = module("images")
    chosen = images.choose(images.find_files(paint(tmp_path / "data", 12, 3)), 6, 12, 2)

    images.pack(chosen, tmp_path / "data.zip")
    found = images.find_files(tmp_path / "data.zip")
    packed = images.choose(found, 6)

    assert (found.name, found.classes) == ("data", ("a", "b", "c"))
    assert packed.parts == found.parts
    assert torch.equal(images.load(packed).train, images.load(chosen).train)
    assert torch.equal(images.load(packed).test_labels, torch.tensor([0, 0, 1, 1, 2, 2]))


def test_images_are_decoded_in_order_and_resized(module, tmp_path) -> None:
    images = module("images")
    loaded = images.load(images.choose(images.find_files(paint(tmp_path, 2, 1, size=20)), 1))

    assert loaded.train.shape == (6, 32, 32, 3)
    assert loaded.train[:, 16, 16].tolist() == [
        [40, 200, 200],
        [41, 200, 200],
        [200, 40, 200],
        [200, 41, 200],
        [200, 200, 40],
        [200, 200, 41],
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "missing.zip",
            (
                "`--data` must be a folder with train/<class>/*.jpg and test/<class>/*.jpg, or a zip of it, got "
                "{data}, which does not exist."
            ),
        ),
        (
            "empty",
            "`--data` must have images of the same classes in train/ and test/, got none in train/ in {data}.",
        ),
        (
            "unlike",
            (
                "`--data` must have images of the same classes in train/ and test/, got 2 classes in test/ and 3 in "
                "train/ in {data}."
            ),
        ),
    ],
)
def test_missing_data_are_said_plainly(module, tmp_path, name, message) -> None:
    (tmp_path / "empty").mkdir()
    paint(tmp_path / "unlike", 1, 1)
    next((tmp_path / "unlike" / "test" / "c").iterdir()).unlink()

    with pytest.raises(SystemExit) as error:
        module("images").find_files(tmp_path / name)

    assert str(error.value) == message.format(data=tmp_path / name)


def test_an_image_is_cropped_flipped_and_normalised_as_torchvision_does_it(module) -> None:
    from torchvision.transforms.v2 import functional

    batches = module("batches")
    torch.manual_seed(0)
    pixels = torch.randint(256, (1, 32, 32, 3), dtype=torch.uint8)
    data = batches.DeviceImages(pixels, torch.tensor([3]), CPU, augment=True)

    drawn, labels = data.__getitems__([0] * 400)

    padded = functional.pad(pixels[0].permute(2, 0, 1), [4]) / 255
    crops = [functional.crop(padded, top, left, 32, 32) for top in range(9) for left in range(9)]
    crops += [functional.horizontal_flip(crop) for crop in crops]
    possible = torch.stack([functional.normalize(crop, batches.MEAN, batches.DEVIATION) for crop in crops])
    distances = torch.cdist(
        drawn.flatten(1), possible.flatten(1), p=torch.inf, compute_mode="donot_use_mm_for_euclid_dist"
    )
    assert distances.amin(1).max() < 1e-5
    assert len(set(distances.argmin(1).tolist())) > 120
    assert labels.tolist() == [3] * 400


def test_test_images_are_only_normalised_and_come_in_order(module) -> None:
    batches = module("batches")
    pixels = torch.randint(256, (5, 32, 32, 3), dtype=torch.uint8)
    data = batches.DeviceImages(pixels, torch.arange(5), CPU, augment=False)

    parts = list(batches.loader(data, 3))

    expected = (pixels / 255 - torch.tensor(batches.MEAN)) / torch.tensor(batches.DEVIATION)
    torch.testing.assert_close(torch.cat([images for images, _ in parts]), expected.permute(0, 3, 1, 2))
    assert [labels.tolist() for _, labels in parts] == [[0, 1, 2], [3, 4]]
    torch.testing.assert_close(data[4][0], expected[4].permute(2, 0, 1))


def test_resnet_32_has_0_46_million_parameters_and_shortcuts_without_any(module) -> None:
    resnet = module("resnet")
    network = resnet.ResNet(32, 10)

    assert resnet.parameters_of(network) == 464_154
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert [type(layer) for layer in network.modules() if isinstance(layer, nn.Conv2d)] == [nn.Conv2d] * 31


def test_a_block_that_halves_takes_every_second_pixel_and_fills_channels_on_both_sides(module) -> None:
    block = module("resnet").Block(16, 32)
    nn.init.zeros_(block.second_norm.weight)
    images = torch.rand(1, 16, 4, 4)

    features = block(images)

    expected = torch.zeros(1, 32, 2, 2)
    expected[:, 8:24] = images[:, :, ::2, ::2]
    assert torch.equal(features, expected)


def test_weights_are_drawn_by_kaiming(module) -> None:
    torch.manual_seed(0)
    convolution = module("resnet").ResNet(32, 10).features[-1].second.weight

    assert convolution.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.02)


def test_ldam_has_a_cosine_classifier(module) -> None:
    assert isinstance(module("resnet").ResNet(8, 10, 30.0).head, CosineClassifier)


@pytest.mark.parametrize("depth", [2, 7, 33])
def test_a_depth_that_is_none_is_refused(module, depth) -> None:
    with pytest.raises(ValueError) as error:
        module("resnet").ResNet(depth, 10)

    assert str(error.value) == f"`depth` must be 8, 14, 20, 26, 32 or another 6n + 2, got {depth}."


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(1, 0.02), (5, 0.1), (6, 0.1), (160, 0.1), (161, 0.001), (180, 0.001), (181, 0.00001), (200, 0.00001)],
)
def test_the_learning_rate_is_that_of_the_recipe(module, epoch, rate) -> None:
    recipe = module("recipe")
    scale = recipe.Scale("cifar10", tuple(COUNTS), 1000)
    parameter = nn.Parameter(torch.zeros(1))
    arguments = recipe.optimizer(scale)
    optimizer = arguments["optimizer"]([parameter])
    scheduler = arguments["lr_scheduler"](optimizer)
    for _ in range(epoch - 1):
        optimizer.step()
        scheduler.step()

    (group,) = optimizer.param_groups
    assert group["lr"] == pytest.approx(rate)
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.9, False, 2e-4)


def test_a_second_stage_has_a_schedule_of_its_own(module) -> None:
    recipe = module("recipe")
    scale = recipe.Scale("cifar10", tuple(COUNTS), 1000)

    rates = [recipe.learning_rate(epoch, scale) for epoch in range(200, 230)]

    assert scale.second_stage == len(rates)
    assert rates == [0.2, 0.4, 0.6, 0.8, *[1.0] * 6, *[0.1] * 10, *[0.01] * 10]


def test_at_a_smaller_scale_the_milestones_move_along(module) -> None:
    recipe = module("recipe")
    scale = recipe.Scale("cifar10", tuple(COUNTS), 200, epochs=20)

    rates = [recipe.learning_rate(epoch, scale) for epoch in range(20)]

    assert rates == [1.0] * 16 + [0.01] * 2 + [0.0001] * 2
    assert not scale.is_published
    assert recipe.Scale("cifar10", tuple(COUNTS), 1000).is_published


def test_deferred_weights_come_in_the_epoch_in_which_the_rate_falls(module) -> None:
    recipe = module("recipe")
    scale = recipe.Scale("cifar10", tuple(COUNTS), 1000)
    (callback,) = module("methods").METHODS["LDAM-DRW"](scale, None).callbacks

    assert callback.deferral.first_epoch(200) == 160
    assert callback.scheme.beta == 0.9999


def test_logit_adjustment_at_tau_1_is_balanced_softmax_which_stands_for_it(module) -> None:
    logits, target = torch.randn(8, 10, dtype=torch.float64), torch.arange(8)
    distribution = ClassDistribution(COUNTS)

    losses = [loss.adapt(distribution)(logits, target) for loss in (BalancedSoftmaxLoss(), LogitAdjustedLoss(tau=1.0))]

    torch.testing.assert_close(*losses)
    assert module("methods").READ_OFF["balanced softmax"] == ("logit adjustment, loss",)


# --- training


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of one colour each."""
    return paint(tmp_path_factory.mktemp("painted"), 12, 2)


def names() -> list[str]:
    """Return the names of all methods."""
    return re.findall(r'^    "(.*?)": ', (LONG_TAIL / "methods.py").read_text().split("METHODS")[1], re.MULTILINE)


@pytest.mark.parametrize("method", names())
def test_every_method_trains_an_epoch_and_says_what_became_of_each_class(module, painted, method) -> None:
    images, scale = tiny(module, painted)

    run = module("training").train(method, 0, scale, images)

    assert list(run["readings"]) == [method, *module("methods").READ_OFF.get(method, ())]
    for reading in run["readings"].values():
        assert len(reading["accuracy"]) == 1
        assert len(reading["recall"]) == 3
        assert reading["accuracy"][0] == pytest.approx(sum(reading["recall"]) / 3, abs=1e-3)
    assert (run["method"], run["seed"], run["scale"]) == (method, 0, json.loads(json.dumps(scale.as_dict())))


def test_all_methods_are_tried(module) -> None:
    assert names() == list(module("methods").METHODS)


def test_a_seed_says_what_comes_out(module, painted) -> None:
    images, scale = tiny(module, painted, epochs=2)
    train = module("training").train

    first, again, other = (train("mixup", seed, scale, images)["readings"]["mixup"] for seed in (0, 0, 1))

    assert first == again
    assert first != other


def test_classes_of_different_colour_are_told_apart_in_mixed_precision_too(module, painted) -> None:
    images, scale = tiny(module, painted, epochs=25, precision="bf16-mixed")

    run = module("training").train("cross-entropy", 0, scale, images)

    assert max(run["readings"]["cross-entropy"]["accuracy"]) == 1.0


def test_a_second_stage_is_judged_by_its_own_epochs(module, painted) -> None:
    images, scale = tiny(module, painted, epochs=14)

    run = module("training").train("cRT", 0, scale, images)

    assert scale.second_stage == 2
    assert len(run["readings"]["cRT"]["accuracy"]) == 2


def test_decisions_after_training_are_those_of_the_formulas(module) -> None:
    scoring = module("scoring")
    network = nn.Linear(4, 3)
    model = scoring.WeightedClassifier(network, 3, weighting="uniform")
    model.adopt(ClassDistribution([100, 10, 1]))
    features, target = torch.randn(60, 4), torch.arange(60) % 3
    logits = network(features).detach()

    adjusted = scoring.adjusted(logits, target, model)

    assert torch.equal(adjusted, (logits - torch.tensor([100.0, 10.0, 1.0]).log()).argmax(1))
    assert torch.equal(scoring.plain(logits, target, model), logits.argmax(1))
    shortened = (logits - network.bias.detach()) / network.weight.detach().norm(dim=1)
    assert torch.equal(scoring.normalized(logits, target, model), shortened.argmax(1))
    decided = scoring.tau_normalized(logits, target, model)
    for judged in (0, 1):
        scores = logits - network.bias.detach()
        lengths = network.weight.detach().norm(dim=1)
        chooses, there = slice(1 - judged, None, 2), slice(judged, None, 2)
        taus = [tau / 10 for tau in range(21)]
        right = [((scores[chooses] / lengths**tau).argmax(1) == target[chooses]).sum().item() for tau in taus]
        tau = taus[right.index(max(right))]
        assert torch.equal(decided[there], (scores[there] / lengths**tau).argmax(1))


def test_whole_batches_replay_what_was_recorded_and_others_run_as_before(module, monkeypatch) -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    replayed = []

    def record(recorded: nn.Module, samples: tuple[torch.Tensor]) -> None:
        eager = recorded.forward
        eager(samples[0] + torch.rand_like(samples[0]))  # a warm-up moves the statistics
        recorded.forward = lambda images: replayed.append(len(images)) or eager(images)

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", record)
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **options: torch.no_grad())
    module("graphs").replay_training(network, torch.zeros(4, 3, 2, 2))

    assert torch.equal(network[1].running_var, torch.ones(2))
    assert [len(network(torch.ones(size, 3, 2, 2))) for size in (4, 3, 4)] == [4, 3, 4]
    assert replayed == [4, 4]


# --- what is kept


def test_what_is_finished_is_not_to_do_again_and_another_scale_is_another_thing(module, tmp_path) -> None:
    finished, scale = module("finished"), module("recipe").Scale("cifar10", (6, 2), 5)
    other = module("dataclasses").replace(scale, epochs=7)
    file = tmp_path / "results.jsonl"
    for run_scale, method, seed in ((scale, "LDAM", 1), (other, "LDAM", 0), (scale, "focal", 0)):
        finished.add(file, {"scale": run_scale.as_dict(), "method": method, "seed": seed})

    left = finished.to_do(finished.read(file), scale, ["focal", "LDAM"], 2)

    assert left == [("focal", 1), ("LDAM", 0)]
    assert finished.read(tmp_path / "none.jsonl") == []


def visit(module: Any, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """Run the script here, which spares a start of Python."""
    monkeypatch.setattr(sys, "argv", ["run.py", *options])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    module("run").main()


@pytest.mark.xdist_group("processes")
def test_a_second_visit_trains_only_what_is_missing(module, monkeypatch, capsys, tmp_path, painted) -> None:
    options = f"--data {painted} --results {tmp_path / 'r.jsonl'} --depth 8 --epochs 1 --ratio 6 --batch-size 8".split()
    options += ["--at-once", "1", "--methods", "cross-entropy", "focal"]
    script = [sys.executable, str(LONG_TAIL / "run.py"), *options, "--seeds", "1", "--minutes", "10"]

    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()
    visit(module, monkeypatch, *options, "--seeds", "1")
    visit(module, monkeypatch, *options, "--seeds", "2", "--minutes", "0")

    assert first[0] == "2 of 2 runs to do, 1 at a time"
    assert [line.split(":")[0] for line in first[1:]] == ["cross-entropy, seed 0", "focal, seed 0"]
    assert capsys.readouterr().out.splitlines() == [
        "0 of 2 runs to do, 1 at a time",
        "2 of 4 runs to do, 1 at a time",
        "2 runs are left for another visit.",
    ]
    runs = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [(run["method"], run["seed"]) for run in runs] == [("cross-entropy", 0), ("focal", 0)]
    assert runs[0]["scale"]["counts"] == [12, 4, 2]


def test_where_a_run_fails_those_beside_it_are_kept_and_no_other_is_started(
    module, monkeypatch, capsys, tmp_path
) -> None:
    run, failed = module("run"), threading.Event()

    def train(method: str, seed: int, *where: Any) -> dict[str, Any]:
        if method == "LDAM":
            failed.set()
            raise MemoryError(method)
        assert failed.wait(60)
        return {"method": method, "seed": seed, "seconds": 1.0, "readings": {method: {"accuracy": [0.5]}}}

    monkeypatch.setattr(run, "train_from_file", train)
    monkeypatch.setattr(run, "ProcessPoolExecutor", lambda workers, mp_context: ThreadPoolExecutor(workers))
    jobs, results = [("focal", 0), ("LDAM", 0), ("CDT", 0)], tmp_path / "r.jsonl"
    scale = module("recipe").Scale("cifar10", (6, 2), 5)

    with pytest.raises(MemoryError, match="LDAM"):
        run.run_all(jobs, scale, tmp_path / "images.pt", results, 2, None)

    assert [each["method"] for each in module("finished").read(results)] == ["focal"]
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "LDAM, seed 0: failed",
        "focal, seed 0: 0.5000 after the last epoch, 0.5000 in the best, 1 s",
    ]


def test_only_the_files_that_are_used_travel(module, monkeypatch, capsys, tmp_path, painted) -> None:
    target = tmp_path / "p.zip"

    visit(module, monkeypatch, "--data", str(painted), "--ratio", "6", "--pack", str(target))

    assert capsys.readouterr().out == f"24 files in {target}\n"
    assert len(zipfile.ZipFile(target).namelist()) == 12 + 4 + 2 + 6


# --- the table


def made_up(module: Any, accuracies: dict[str, list[list[float]]], **scale: Any) -> list[dict[str, Any]]:
    """Return runs with these accuracies: a list of seeds, of it a list of epochs."""
    described = module("recipe").Scale("cifar10", tuple(COUNTS), 1000, **scale).as_dict()
    return [
        {
            "scale": described,
            "method": name,
            "seed": seed,
            "device": "abacus",
            "versions": {"torch": "2.6.0"},
            "seconds": 30.0 + seed,
            "date": "2026-01-02",
            "readings": {name: {"accuracy": epochs, "recall": [epochs[-1]] * 10}},
        }
        for name, seeds in accuracies.items()
        for seed, epochs in enumerate(seeds)
    ]


def write(module: Any, folder: Path, runs: list[dict[str, Any]]) -> str:
    """Write the report of some runs; return it."""
    for run in runs:
        module("finished").add(folder / "results.jsonl", run)
    module("table").write(folder / "results.jsonl", folder / "RESULTS.md")
    return (folder / "RESULTS.md").read_text()


def test_the_table_has_means_spreads_paired_differences_and_the_published_ones(module, tmp_path) -> None:
    accuracies = {
        "LDAM": [[0.75, 0.74], [0.76, 0.74]],
        "cross-entropy": [[0.70, 0.70], [0.72, 0.71]],
        "VS": [[0.6, 0.77]],
        "balanced softmax": [[0.5, 0.78], [0.78, 0.78]],
    }

    text = write(module, tmp_path, made_up(module, accuracies))

    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert rows == [
        "| method | seeds | last | best | last − CE | best − CE | published | published − CE | off | source |",
        "| cross-entropy | 2 | 70.5 (0.7) | 71.0 (1.4) |  |  | 70.36 |  |  | BagofTricks-LT |",
        "| LDAM | 2 | 74.0 (0.0) | 75.5 (0.7) | +3.5 (0.7) | +4.5 (0.7) | 73.66 | +3.30 | +1.2, within 1.5 | BagofTricks-LT |",
        "| balanced softmax | 2 | 78.0 (0.0) | 78.0 (0.0) | +7.5 (0.7) | +7.0 (1.4) | 77.54 | +7.18 | -0.2, within 1.5 | BagofTricks-LT |",
        "| VS | 1 | 77.0 | 77.0 | +7.0 | +7.0 | none |  |  |  |",
    ]
    assert "7 trainings of 30 to 31 s on abacus, each a process of one thread, 2026-01-02; torch 2.6.0." in text
    assert "Of 3 pairs of methods that one source has more than 1.5 points apart, 3 came out in the same order." in text
    assert "not run yet" not in text
    assert "/logit_adjustment) (cross-entropy 71.36): 1241 epochs, Nesterov momentum" in text
    assert (tmp_path / "recall-cifar10-resnet32-200.png").stat().st_size > 1000


def test_an_order_that_is_not_the_published_one_and_a_difference_too_large_are_said(module, tmp_path) -> None:
    accuracies = {"cross-entropy": [[0.70]], "LDAM": [[0.78]], "balanced softmax": [[0.74]]}

    text = write(module, tmp_path, made_up(module, accuracies))

    assert "+4.7, outside 1.5" in text
    assert "-3.2, outside 1.5" in text
    assert (
        "Of 3 pairs of methods that one source has more than 1.5 points apart, 2 came out in the same order. The other "
        "way round: balanced softmax above LDAM by 3.9 in BagofTricks-LT." in text
    )


def test_a_smaller_scale_is_called_one_and_has_no_published_figure(module, tmp_path) -> None:
    accuracies = {"cross-entropy": [[0.40]], "LDAM": [[0.45]]}

    text = write(module, tmp_path, made_up(module, accuracies, depth=8, epochs=15))

    assert "## cifar10, ResNet-8, 15 epochs: a smaller scale" in text
    assert "No published figure applies to so short a training of so small a network." in text
    assert "| LDAM | 1 | 45.0 | 45.0 | +5.0 | +5.0 |" in text
    assert "$ python benchmarks/long_tail/run.py --data cifar10.zip --at-once 8" in text
    assert "## The papers' scale: not run yet" in text
    assert "| VS | none |  |  |" in text
    assert "| mixup | 74.06 | +3.70 | BagofTricks-LT; 400 epochs |" in text


def test_every_published_figure_is_of_a_row_and_above_chance(module) -> None:
    published, rows = module("published").PUBLISHED, module("methods").rows()

    assert set(published) <= set(rows)
    assert all(65 < each.accuracy < 85 for each in published.values())
    assert published["LDAM-DRW"].difference == pytest.approx(7.37)


# --- the step


def test_without_a_gpu_the_step_says_that_it_was_not_measured(module, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds a folder
    monkeypatch.setattr(sys, "argv", ["step.py"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    module("step").main()

    assert capsys.readouterr().out == (
        "No GPU: whether a step waits for one, and what it costs there, was not measured.\n"
    )


def test_both_modules_of_the_step_train_and_batches_are_watched(module, monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds a folder
    step: ModuleType = module("step")
    modes: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    watching = step.RefuseToWait(after=1)
    compared = step.runs(8, step.images(2, CPU))

    seconds = [compared["hand-written"](), compared["WeightedClassifier"](watching)]

    assert all(second > 0 for second in seconds)
    assert watching.watched == 1
    assert modes == ["default", "error", "default"]
    watching.on_exception(*[SimpleNamespace()] * 3)
    assert modes[-1] == "default"
