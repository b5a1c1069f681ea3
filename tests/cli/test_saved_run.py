from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from lightning_imbalance.cli.saved_run import find_run, read_checkpoint

KNOWN = {"class_distribution": {"counts": [2, 1], "class_names": None, "task": "multiclass", "num_samples": 3}}


def save(path: Path, **more) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": {}, "lightning_imbalance": KNOWN, **more}, path)
    return path


@pytest.mark.parametrize("given", ["run", "run/checkpoints", "run/checkpoints/epoch=3.ckpt"])
def test_a_run_of_fit_is_found_from_its_folder_and_from_its_checkpoint(given):
    checkpoint = save(Path("run/checkpoints/epoch=3.ckpt"))
    Path("run/config.yaml").write_text("data: {class_path: A}\n", encoding="utf-8")
    Path("run/metrics.csv").write_text("", encoding="utf-8")

    run = find_run(Path(given))

    assert (run.folder, run.checkpoint, run.log) == (Path("run"), checkpoint, Path("run/metrics.csv"))
    assert run.config == {"data": {"class_path": "A"}}
    assert run.record is None


def test_a_run_of_a_comparison_says_what_it_was_made_with():
    folder = Path("comparison/runs/weighted/seed-0")
    checkpoint = save(folder / "checkpoint.ckpt")
    (folder / "run.json").write_text(
        json.dumps({"made_with": {"weighting": "'balanced'"}, "figures": {}}), encoding="utf-8"
    )
    (folder / "log").mkdir()
    (folder / "log/metrics.csv").touch()

    run = find_run(folder)

    assert (run.checkpoint, run.log, run.record) == (
        checkpoint,
        folder / "log/metrics.csv",
        {"weighting": "'balanced'"},
    )


def test_a_checkpoint_alone_is_a_run():
    save(Path("best.ckpt"))

    run = find_run(Path("best.ckpt"))

    assert (run.folder, run.checkpoint, run.log, run.config, run.record) == (
        Path(),
        Path("best.ckpt"),
        None,
        None,
        None,
    )


def test_the_best_checkpoint_of_a_comparison_is_the_run_that_it_comes_from():
    folder = Path("comparison/runs/weighted/seed-0")
    checkpoint = save(folder / "checkpoint.ckpt", epoch=3)
    save(Path("comparison/runs/none/seed-0/checkpoint.ckpt"), epoch=1)
    (folder / "run.json").write_text(json.dumps({"made_with": {"weighting": "'balanced'"}}), encoding="utf-8")
    Path("comparison/best.ckpt").write_bytes(checkpoint.read_bytes())

    for given in ("comparison", "comparison/best.ckpt"):
        run = find_run(Path(given))
        assert (run.folder, run.checkpoint, run.record) == (folder, checkpoint, {"weighting": "'balanced'"})


def kept(best: str, monitor: str | None = "val_macro_f1"):
    return {
        "callbacks": {
            "ModelCheckpoint{'monitor': 'val_macro_f1'}": {"monitor": monitor, "best_model_path": f"/elsewhere/{best}"}
        }
    }


def test_of_several_checkpoints_the_newest_says_which_was_the_best():
    for age, name in enumerate(["last.ckpt", "epoch=4.ckpt", "epoch=2.ckpt"]):
        path = save(Path("run/checkpoints") / name, **kept("epoch=4.ckpt" if age == 0 else "epoch=2.ckpt"))
        os.utime(path, (1000 - age, 1000 - age))

    assert find_run(Path("run")).checkpoint == Path("run/checkpoints/epoch=4.ckpt")


def several(best="epoch=9.ckpt", monitor="val_macro_f1"):
    for name in ("epoch=0.ckpt", "epoch=1.ckpt"):
        save(Path("run/checkpoints") / name, **kept(best, monitor))
    return Path("run")


def posthoc():
    folder = Path("comparison/runs/posthoc/seed-1")
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"made_with": {"of": "'none'"}}), encoding="utf-8")
    return folder


def below():
    for name in ("b/seed-1", "b/seed-0", "a/version_0/checkpoints"):
        save(Path("runs") / name / "x.ckpt")
    return Path("runs")


def empty():
    Path("empty").mkdir()
    return Path("empty")


def broken(name, text):
    save(Path("run/checkpoints/x.ckpt"))
    Path("run", name).write_text(text, encoding="utf-8")
    return Path("run")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Path("nowhere"), "RUN_OR_CHECKPOINT must be the folder of a run or a checkpoint, got nowhere, which does not exist."),
        (empty, "RUN_OR_CHECKPOINT must have a checkpoint (.ckpt), got empty without one."),
        (several, "RUN_OR_CHECKPOINT must have one checkpoint, or one that was the best, got run with 'epoch=0.ckpt', 'epoch=1.ckpt'. Name one of them, for example run/checkpoints/epoch=0.ckpt."),
        (lambda: several("epoch=0.ckpt", None), "RUN_OR_CHECKPOINT must have one checkpoint, or one that was the best, got run with 'epoch=0.ckpt', 'epoch=1.ckpt'. Name one of them, for example run/checkpoints/epoch=0.ckpt."),
        (posthoc, "RUN_OR_CHECKPOINT must be a run that trained something, got comparison/runs/posthoc/seed-1, which takes the network of 'none'. Report on comparison/runs/none/seed-1."),
        (below, "RUN_OR_CHECKPOINT must be one run, got runs, in which there are 3. Name one, for example runs/a/version_0."),
        (lambda: broken("config.yaml", "a: [1"), "run/config.yaml must be what `fit` wrote there, got a file that is no YAML: while parsing a flow sequence."),
        (lambda: broken("run.json", "{"), "run/run.json must be what a comparison wrote there, got a file that says nothing of how the run was made."),
        (lambda: broken("run.json", "[]"), "run/run.json must be what a comparison wrote there, got a file that says nothing of how the run was made."),
    ],
)  # fmt: skip
def test_what_is_no_run_is_refused(make, message):
    with pytest.raises(ValueError) as refused:
        find_run(make())

    assert str(refused.value) == message


class Command:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return Path("owned").touch, ()


def cut():
    path = save(Path("x.ckpt"), large=torch.zeros(1000))
    path.write_bytes(path.read_bytes()[:2000])


WHOLE = "the checkpoint must be a whole file that torch can read, got x.ckpt, which is cut off or is something else."


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (cut, WHOLE),
        (lambda: Path("x.ckpt").touch(), WHOLE),
        (lambda: Path("x.ckpt").write_text("class,count\n", encoding="utf-8"), WHOLE),
        (lambda: save(Path("x.ckpt"), hyper_parameters={"x": Command()}), "the checkpoint must hold tensors, numbers and text alone, got x.ckpt, which needs code to be run. Hyper-parameters of your own must be plain values."),
        (lambda: torch.save([1, 2], "x.ckpt"), "the checkpoint must be one of a WeightedClassifier, got x.ckpt, which does not say what classes it was trained on."),
        (lambda: torch.save({"state_dict": {}}, "x.ckpt"), "the checkpoint must be one of a WeightedClassifier, got x.ckpt, which does not say what classes it was trained on."),
        (lambda: save(Path("x.ckpt"), lightning_imbalance={"class_distribution": None}), "the checkpoint must be one of a model that was fitted, got x.ckpt, which has seen no class."),
        (lambda: Path("x.ckpt").mkdir(), "the checkpoint must be a file that can be read, got x.ckpt: Is a directory."),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused_and_runs_nothing(make, message):
    make()

    with pytest.raises(ValueError) as refused:
        read_checkpoint(Path("x.ckpt"))

    assert str(refused.value) == message
    assert not Path("owned").exists()
