"""supervisord as `allocast up` starts it: it stops, with everything it started, when its parent is gone.

The parent holds the write end of the pipe on our standard input. However the parent ends, even by SIGKILL,
the kernel closes that end and the read below returns. PR_SET_PDEATHSIG would do the same on Linux only.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from pathlib import Path


def _stop_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run supervisord on the configuration file named last; its private folder goes with it."""
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    from supervisor import supervisord

    try:
        supervisord.main()
    finally:
        shutil.rmtree(Path(sys.argv[-1]).parent, ignore_errors=True)


if __name__ == "__main__":
    main()
