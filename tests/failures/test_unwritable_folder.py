"""Checkpoints and results are to go where nothing can be written."""

from __future__ import annotations

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.checkpoint_io import WholeFileCheckpointIO

# Not below tmp_path, which other users cannot reach. Root may write everywhere, so it becomes somebody else.
CLOSED = """
user = os.geteuid()


def close():
    os.chmod(folder, 0o555)
    if user == 0:
        os.seteuid(65534)

"""

TRAINING = """
with tempfile.TemporaryDirectory() as folder:
    try:
        fit(folder, close)
    except OSError as error:
        os.seteuid(user)
        print(str(error).replace(folder, "FOLDER"))
        print(os.listdir(folder), torch.load(f"{folder}/last.ckpt")["epoch"])
"""

DEMO = """
import lightning_imbalance.cli.demo
from lightning_imbalance.cli import main

with tempfile.TemporaryDirectory() as folder:
    close()
    sys.stderr = sys.stdout
    code = main(["demo", "--output", f"{folder}/results"])
    os.seteuid(user)
    print(code, folder, os.listdir(folder))
"""


def test_a_checkpoint_that_cannot_be_written_is_named_and_the_one_of_before_is_whole(start):
    ended = start(CLOSED + TRAINING).end()

    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == ["[Errno 13] Permission denied: 'FOLDER/last.ckpt'", "['last.ckpt'] 0"]


def test_the_demo_says_so_before_it_trains(start):
    ended = start(CLOSED + DEMO).end()

    assert ended.code == 0, ended.err
    message, last = ended.out.splitlines()
    code, folder, left = last.split(" ", 2)
    assert message == (
        f"lightning-imbalance: `--output` must be a folder that can be written, got {folder}/results: Permission denied."
    )
    assert (code, left) == ("2", "[]")


def test_a_folder_below_a_file_is_named(tiny_trainer, blobs, tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "checkpoints"
    trainer = tiny_trainer(
        enable_checkpointing=True, callbacks=[ModelCheckpoint(folder)], plugins=[WholeFileCheckpointIO()]
    )

    with pytest.raises(NotADirectoryError) as error:
        trainer.fit(WeightedClassifier(nn.Linear(2, 2)), DataLoader(blobs([6, 3]), 3))

    assert str(folder) in str(error.value)
