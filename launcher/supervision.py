"""Run programs under supervisord: start it, watch it, and leave nothing behind when it ends."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher import supervisor_config
from launcher.process_table import started_mark, started_under
from launcher.supervisor_client import ProcessState, SupervisorClient
from launcher.supervisor_config import Program
from producers.errors import FixAndRestart, TryAgain

SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included
SUPERVISOR_LOG = "supervisord.log"


class Supervisor:
    """supervisord with its programs, as a child of this process.

    It runs in a process group of its own: Ctrl-C on the terminal reaches us alone, and we decide the order.
    """

    def __init__(self, programs: Sequence[Program], logs: Path, environment: Mapping[str, str]) -> None:
        self.programs = {program.name: program for program in programs}
        self.logs = logs
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._read_to: dict[str, int] = {}  # bytes of each log that were shown or are of an earlier run
        self._folder = _private_folder()
        self._client = SupervisorClient(self.socket_file)

    @property
    def socket_file(self) -> Path:
        return supervisor_config.socket_file(self._folder)

    def start(self) -> None:
        """Start supervisord, which starts every program. Returns at once."""
        programs = list(self.programs.values())
        self.logs.mkdir(parents=True, exist_ok=True)
        self._read_to = {old.stem: old.stat().st_size for old in self.logs.glob("*.log")}
        supervisor_config.log_folder(self._folder).symlink_to(self.logs.absolute())
        file = self._folder / "supervisord.conf"
        file.write_text(supervisor_config.config(programs, self._folder), encoding="utf-8")
        with (self.logs / SUPERVISOR_LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "launcher.supervised", "-n", "-c", str(file)],
                stdin=subprocess.PIPE,  # never written to: see launcher.supervised
                stdout=log,
                stderr=log,
                # Marked like its children: one that was forked and is not executed yet when supervisord is killed
                # has the environment of supervisord, and would be overlooked.
                env={
                    **self._environment,
                    **supervisor_config.environment(programs),
                    **started_mark(self.socket_file),
                },
                process_group=0,
            )

    def alive(self) -> bool:
        """Whether supervisord runs."""
        return self._process is not None and self._process.poll() is None

    def states(self) -> dict[str, ProcessState]:
        """Every process by its name; empty as long as supervisord does not answer."""
        try:
            return self._client.states()
        except TryAgain:
            return {}

    def start_again(self, *names: str) -> None:
        """Start programs that ended or were given up."""
        states = self.states()
        for name in names:
            if name in states:
                self._client.start(states[name])

    def stop_programs(self, *names: str) -> None:
        """Ask programs to stop; returns at once."""
        states = self.states()
        for name in names:
            if name in states:
                self._client.stop(states[name])

    def last_words(self, name: str, lines: int = 5) -> list[str]:
        """The last lines a program wrote since the previous call for it."""
        file = self.logs / f"{name}.log"
        read_to = self._read_to.get(name, 0)
        size = file.stat().st_size if file.is_file() else 0
        self._read_to[name] = size
        return tail(file, lines, begin=read_to if read_to <= size else 0)

    def last_end(self, name: str) -> str:
        """How the program last ended, in supervisord's words (`exit status 1`, `terminated by SIGKILL`), or empty.

        Read from supervisord's log because its interface forgets the exit status as soon as it starts anew.
        """
        for line in reversed(tail(self.logs / SUPERVISOR_LOG, 200)):
            found = re.search(rf"exited: {re.escape(name)} \((.+?)(;.*)?\)$", line)
            if found:
                return found.group(1)
        return ""

    def shutdown(self) -> None:
        """Stop everything, services before stores, and return when nothing is left."""
        longest_s = sum(
            max((one.stop_s for one in self.programs.values() if one.kind == kind), default=0)
            for kind in supervisor_config.GROUP_PRIORITY
        )
        process = self._process
        if process is not None:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(longest_s + 10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdin is not None:
                process.stdin.close()
            self._end_leftovers()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_leftovers(self) -> None:
        """End what supervisord could not: children of a program that died, or all when supervisord was killed."""
        for ending, patience_s in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            deadline = time.monotonic() + patience_s
            left = started_under(self.socket_file)
            for pid in left:
                try:
                    os.kill(pid, ending)
                except ProcessLookupError:
                    continue
            while left and time.monotonic() < deadline:
                time.sleep(0.05)
                left = started_under(self.socket_file)
            if not left:
                return


def tail(file: Path, lines: int, begin: int = 0) -> list[str]:
    """The last lines of a text file that may be large, none from before byte `begin`; empty when there is none."""
    try:
        with file.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(begin, log.tell() - 400 * lines))
            text = log.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]


def _private_folder() -> Path:
    """A new private folder whose path suits a unix socket and supervisord's configuration."""
    folder = Path(tempfile.mkdtemp(prefix="allocast-"))
    short = len(os.fsencode(supervisor_config.socket_file(folder))) <= SOCKET_PATH_LIMIT
    if short and re.fullmatch(r"[A-Za-z0-9_./-]+", str(folder)):
        return folder
    folder.rmdir()
    try:
        return Path(tempfile.mkdtemp(prefix="allocast-", dir="/tmp"))  # mkdtemp makes it private
    except OSError as error:
        raise FixAndRestart(
            f"TMPDIR does not suit a unix socket and /tmp cannot be written: {error}"
        ) from error
