"""A small typed client of supervisord's XML-RPC interface on its unix socket."""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client  # we only read what our own supervisord writes to a private socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from producers.errors import TryAgain

ALREADY_STARTED = 60
NOT_RUNNING = 70


@dataclass(frozen=True)
class ProcessState:
    """One supervised process as supervisord sees it."""

    name: str
    group: str
    state: str  # STARTING, RUNNING, BACKOFF, STOPPING, STOPPED, EXITED, FATAL
    pid: int  # 0 when there is none
    exit_status: int  # of the last ended run; 0 when unknown
    started_s: int  # seconds since epoch of the last start, 0 when never
    up_s: int  # seconds since the last start, 0 when no process is there


class SupervisorClient:
    """Calls supervisord. Every method raises TryAgain when it does not answer."""

    def __init__(self, socket_file: Path) -> None:
        self._server = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(socket_file))

    def states(self) -> dict[str, ProcessState]:
        """Every process by its name."""
        return {info["name"]: _process_state(info) for info in self._call("getAllProcessInfo")}

    def start(self, process: ProcessState) -> None:
        """Start a process; one that already runs is left alone."""
        self._call("startProcess", f"{process.group}:{process.name}", False, ignore=ALREADY_STARTED)

    def stop(self, process: ProcessState) -> None:
        """Ask a process to stop, without waiting for it."""
        self._call("stopProcess", f"{process.group}:{process.name}", False, ignore=NOT_RUNNING)

    def _call(self, method: str, *arguments: Any, ignore: int | None = None) -> Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == ignore:
                return None
            raise TryAgain(f"supervisord refused {method}{arguments}: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise TryAgain(f"supervisord does not answer: {error}") from error


def _process_state(info: dict[str, Any]) -> ProcessState:
    return ProcessState(
        name=info["name"],
        group=info["group"],
        state=info["statename"],
        pid=info["pid"],
        exit_status=info["exitstatus"],
        started_s=info["start"],
        up_s=max(0, info["now"] - info["start"]) if info["pid"] else 0,
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, socket_file: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._socket_file = socket_file

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._socket_file))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, socket_file: Path) -> None:
        super().__init__()
        self._socket_file = socket_file

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        # One connection for each call: supervisord closes idle ones, and calls are rare.
        connection = _UnixConnection(self._socket_file)
        self._connection = (host, connection)  # what close() closes
        return connection

    def single_request(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().single_request(*args, **kwargs)
        finally:
            self.close()
