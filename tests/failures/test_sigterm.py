"""A cluster takes the machine back while it trains."""

from __future__ import annotations

PROGRAM = """
try:
    fit(sys.argv[1], lambda: os.kill(os.getpid(), signal.SIGTERM))
except SystemExit:
    sys.exit(143)
"""


def test_training_ends_after_the_batch_and_the_checkpoint_is_whole(start, epoch_of, tmp_path):
    ended = start(PROGRAM, tmp_path).end()

    assert ended.code == 143
    assert "trained to the end" not in ended.out
    assert "Traceback" not in ended.err
    assert epoch_of(tmp_path / "last.ckpt") == 0
