"""supervisord as `allocast up` starts it: it stops, with everything it started, when its parent is gone.

The parent holds the write end of the pipe on our standard input. However the parent ends, even by SIGKILL,
the kernel closes that end and the read below returns. PR_SET_PDEATHSIG would do the same on Linux only.
"""

from __future__ import annotations

import os
import signal
import threading


def _stop_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run supervisord with the arguments of this process."""
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    from supervisor import supervisord

    supervisord.main()


if __name__ == "__main__":
    main()
