from __future__ import annotations

from pathlib import Path

import pytest

from lightning_imbalance.cli.output_files import check_ending, writing


@pytest.mark.parametrize("name", ["a.png", "A.PNG", "b/c.d.svg"])
def test_an_ending_that_is_known_passes(name):
    check_ending("--plot", Path(name), [".png", ".svg"])


@pytest.mark.parametrize("name", ["png", "a.png.txt", ".png", "a"])
def test_another_one_is_refused_with_those_that_are_known(name):
    with pytest.raises(ValueError) as error:
        check_ending("--plot", Path(name), [".png", ".svg"])

    assert str(error.value) == f"`--plot` must be a file that ends in .png or .svg, got {name}."


def test_what_is_wrong_with_a_file_is_said_with_the_option(tmp_path):
    with pytest.raises(ValueError) as error, writing("--html", tmp_path):
        tmp_path.write_text("a")

    assert str(error.value) == (
        f"`--html` must be a file that can be written, got {tmp_path} (Is a directory). Name another one."
    )


def test_another_error_is_left_alone():
    with pytest.raises(KeyError), writing("--html", Path("a")):
        raise KeyError
