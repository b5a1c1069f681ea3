"""A process that loads samples dies, as it does when memory runs out."""

from __future__ import annotations

# It dies at its first sample: of a worker that has sent samples which nobody has taken yet, torch may say instead that a
# connection was reset.
PHOTOS = """
class Photos(Dataset):
    dies_when = sys.argv[1]

    def __len__(self):
        return 32

    def __getitem__(self, index):
        if get_worker_info() is not None and os.path.exists(self.dies_when):
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.randn(3), index % 3

"""

COUNTING = """
print(ClassDistribution.from_dataloader(DataLoader(Photos(), 4, num_workers=1)))
"""

TRAINING = """
class CountedPhotos(Photos):
    def class_labels(self):
        return [index % 3 for index in range(32)]


fit(os.path.dirname(sys.argv[1]), data=CountedPhotos(), workers=1)
"""


def test_counting_ends_with_an_error(start, tmp_path):
    ended = start(PHOTOS + COUNTING, tmp_path).end()

    assert (ended.code, ended.out) == (1, "")
    assert "\nRuntimeError: DataLoader worker (pid" in ended.err


def test_training_ends_with_an_error_and_the_checkpoint_is_whole(start, epoch_of, tmp_path):
    checkpoint = tmp_path / "checkpoints" / "last.ckpt"

    ended = start(PHOTOS + TRAINING, checkpoint).end()

    assert ended.code == 1
    assert "trained to the end" not in ended.out
    assert "\nRuntimeError: DataLoader worker (pid" in ended.err
    assert epoch_of(checkpoint) == 0
