"""``python -m lightning_imbalance``: the command where its script is not on the PATH."""

import sys

from lightning_imbalance.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
