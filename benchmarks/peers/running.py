"""Starting a peer, and what it reached in the time it was given."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from benchmarks.peers.progress import Line, lines
from benchmarks.services import environment, stop
from producers.errors import TryAgain
from producers.settings import Settings

POLL_S = 0.05
START_S = 120.0


class Peer(msgspec.Struct, frozen=True):
    """An engine to compare with. `needs` is the package that must be installed."""

    module: str
    needs: str
    our_writer: bool = True


PEERS = {
    "bytewax": Peer("benchmarks.peers.bytewax_flow", "bytewax"),  # our kernel and writer, state by partition
    "quixstreams": Peer("benchmarks.peers.quix", "quixstreams"),  # our kernel and writer, state in RocksDB
    "faust_push": Peer("benchmarks.peers.faust_push", "faust", False),  # pandas per tick, one-row Feast push
}


def missing(peer: Peer) -> str | None:
    """Why a peer cannot run here; None when it can."""
    if importlib.util.find_spec(peer.needs) is None:
        return f"{peer.needs} is not installed: `make .venv/.bench` installs it"
    return None


def rate(peer: Peer, settings: Settings, ticks: int, states: Path, limit_s: float) -> tuple[float, int]:
    """Ticks per second from its first record on, for at most `limit_s`, and how many ticks those were.

    Raises TryAgain with the end of its log when it ends or does not begin.
    """
    work = settings.state_dir / "peer"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    log_file = settings.state_dir / f"peer-{time.monotonic_ns()}.log"
    command = [sys.executable, "-O", "-m", peer.module, "--ticks", str(ticks)]
    with log_file.open("wb") as log:
        child = subprocess.Popen(
            [*command, "--states", str(states), "--work", str(work)],
            stdout=log,
            stderr=log,
            env=environment(settings),
        )
    try:
        return _rate(peer, child, log_file, ticks, limit_s)
    finally:
        stop(child)


def _rate(
    peer: Peer, child: subprocess.Popen[bytes], log_file: Path, ticks: int, limit_s: float
) -> tuple[float, int]:
    asked = time.time()
    said: list[Line] = []
    while True:
        time.sleep(POLL_S)
        said = lines(log_file.read_text(encoding="utf-8", errors="replace"))
        if said and (said[-1].ticks >= ticks or time.time() - said[0].at > limit_s):
            break
        if child.poll() is not None or (not said and time.time() - asked > START_S):
            tail = log_file.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise TryAgain(f"{peer.module} did not run:\n{tail}")
    done = said[-1]
    return (done.ticks / (done.at - said[0].at) if done.ticks else 0.0), done.ticks
