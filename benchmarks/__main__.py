"""`python -m benchmarks NAME`: the same as `allocast bench NAME`."""

from __future__ import annotations

import sys

from benchmarks.command import main
from producers.errors import AllocastError, FixAndRestart

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except AllocastError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        sys.exit(2 if isinstance(error, FixAndRestart) else 1)
