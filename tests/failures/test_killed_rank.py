"""One of two processes is killed while both train."""

from __future__ import annotations

import signal
import socket

import pytest

PROGRAM = """
def killed():
    if os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)


fit(sys.argv[1], killed, devices=2, strategy="ddp")
"""


# On one worker, so that its two processes do not meet those of another test.
@pytest.mark.xdist_group("processes")
def test_the_other_process_ends_with_an_error_and_the_checkpoint_is_whole(start, epoch_of, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "NODE_RANK": "0"}

    # With the ranks given, Lightning starts no process by itself.
    ranks = [start(PROGRAM, tmp_path, RANK=rank, LOCAL_RANK=rank, **meeting) for rank in "01"]
    left, killed = (rank.end() for rank in ranks)

    assert killed.code == -signal.SIGKILL
    assert left.code not in {0, -signal.SIGKILL}
    assert "RuntimeError" in left.err
    assert "trained to the end" not in left.out
    assert epoch_of(tmp_path / "last.ckpt") == 0
