"""The scripts of the shells."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_each_shell_gets_a_script_with_commands_and_options(shell, here):
    code, out, err = here("completion", shell)

    assert (code, err) == (0, "")
    for word in ("inspect", "demo", "predict", "--target", "--model.weighting", "--trainer.max_epochs", "--data.root"):
        assert word in out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_command_and_a_value(here, tmp_path):
    (tmp_path / "completion.bash").write_text(here("completion", "bash")[1], encoding="utf-8")

    def completed(*words: str) -> list[str]:
        line = " ".join(f'"{word}"' for word in words)
        program = (
            "source ./completion.bash; "
            f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
            "_shtab_lightning_imbalance; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        done = subprocess.run(["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S607
        return sorted(word.strip() for word in done.stdout.split())

    assert completed("lightning-imbalance", "in") == ["inspect"]
    assert completed("lightning-imbalance", "fit", "--model.weighting", "inv") == ["inverse", "inverse_sqrt"]


def test_without_shtab_the_extra_is_named(here, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)

    code, out, err = here("completion", "bash")

    assert (code, out) == (2, "")
    assert err == (
        "lightning-imbalance: completion needs shtab, which is not installed. "
        'Run `pip install "lightning-imbalance[cli]"`.\n'
    )
