"""`python -m benchmarks NAME`: the same as `allocast bench NAME`."""

from __future__ import annotations

import sys

from benchmarks.command import main
from producers.entry_point import exit_codes

if __name__ == "__main__":
    with exit_codes("benchmarks"):
        sys.exit(main(sys.argv[1:]))
