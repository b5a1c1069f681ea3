"""Small folders of images."""

from __future__ import annotations

import pytest
from PIL import Image


@pytest.fixture
def write_images(tmp_path):
    """Write so many images into each class folder and return the folder that holds them all."""

    def write(counts: dict[str, int], mode: str = "RGB"):
        for folder, count in counts.items():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                Image.new(mode, (6, 4), 10 * index).save(tmp_path / folder / f"{index}.png")
        return tmp_path

    return write
