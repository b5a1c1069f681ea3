"""One process of a crew: reads what to run from stdin, and answers on stdout."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
import warnings

# What a program prints must not get between the answers.
answers, sys.stdout = sys.stdout.buffer, sys.stderr

import programs  # noqa: E402
import torch  # noqa: E402

if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    size = int(os.environ["CREW"])
    if size > 1:
        torch.distributed.init_process_group("gloo", rank=int(os.environ["LOCAL_RANK"]), world_size=size)
    while True:
        try:
            program, arguments, keywords = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the test that started us
        except EOFError:
            break
        try:
            answer = (getattr(programs, program)(*arguments, **keywords), None)
        except Exception:  # noqa: BLE001  # the test shows it
            answer = (None, traceback.format_exc())
        pickle.dump(answer, answers)
        answers.flush()
