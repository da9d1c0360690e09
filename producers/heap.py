"""The C library's heap of a process that lives for months."""

from __future__ import annotations

import ctypes
import threading
import time

GIVE_BACK_S = 60.0


def give_back() -> bool:
    """Give pages that hold nothing to the system; False where the C library (not glibc) cannot.

    glibc does so by itself only at the end of a heap. A service that reads batches of half a megabyte and keeps small
    objects between them would grow by tens of megabytes an hour, with nothing of it in use.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)  # without the interpreter's lock; other threads wait for milliseconds at most
    return trim is not None


def keep_small() -> None:
    """Do so every minute, in a thread, until the process ends."""

    def run() -> None:
        while give_back():
            time.sleep(GIVE_BACK_S)

    threading.Thread(target=run, name="heap", daemon=True).start()
