"""The progress bar of long work."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from lightning_imbalance.labels.progress import report


def _clock(*times):
    ticks = iter(times)
    return lambda: next(ticks)


def _report(clock, chunks=("ab", "cd", "ef")):
    return report(chunks, description="Reading the labels", total=6, advice="read less", clock=clock)


def test_quick_work_shows_nothing(capsys):
    assert list(_report(_clock(0.0, 0.2, 0.4, 0.99))) == ["ab", "cd", "ef"]
    assert capsys.readouterr() == ("", "")


def test_after_a_second_a_bar_on_stderr_and_one_warning(capsys):
    with pytest.warns(UserWarning, match=r"^read less$") as caught:
        assert list(_report(_clock(0.0, 0.2, 1.0))) == ["ab", "cd", "ef"]
    assert [str(warning.message) for warning in caught] == ["read less"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "Reading the labels" in err
    assert "6/6" in err


def test_the_bar_stops_where_the_work_breaks_off(capsys):
    def broken():
        yield "ab"
        raise ArithmeticError

    with pytest.warns(UserWarning, match=r"^read less$"), pytest.raises(ArithmeticError):
        list(_report(_clock(0.0, 2.0), broken()))
    assert "2/6" in capsys.readouterr().err


def test_the_bar_is_not_left_open_where_the_warning_is_an_error(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=r"^read less$"):
            list(_report(_clock(0.0, 2.0)))
    assert capsys.readouterr().err == ""


def test_rich_is_imported_only_for_a_bar():
    program = (
        "import sys; from lightning_imbalance.labels.progress import report; before = 'rich.progress' in sys.modules; "
        "list(report(['a'], description='', total=1, advice='')); print(before, 'rich.progress' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = done.stdout.split()
    assert before == after
