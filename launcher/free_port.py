"""Ports on this machine: free ones for the embedded services, the preferred one for the page."""

from __future__ import annotations

import errno
import socket
from contextlib import closing

from producers.errors import FixAndRestart

PREFERRED_PORT = 8050
LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """`count` different ports of the loopback interface that nobody listens on.

    All are held open until the last is found, otherwise the kernel may hand out the same one twice.
    """
    held = []
    try:
        for _ in range(count):
            held.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            held[-1].bind((LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def free_row(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    while True:
        first = free_ports(1)[0]
        if first + count < 65_000 and all(_is_free(LOOPBACK, first + further) for further in range(count)):
            return first


def page_port(host: str, asked: int | None) -> int:
    """The port of the page: `asked`, or the first free one from 8050 when None, or any when 0.

    Raises FixAndRestart when `asked` is in use or `host` is no address of this machine.
    """
    if asked == 0:
        return free_ports(1)[0]
    if asked is not None:
        if not _is_free(host, asked):
            raise FixAndRestart(
                f"port {asked} on {host} is in use: stop the program that listens there, or give another --port"
            )
        return asked
    for port in range(PREFERRED_PORT, PREFERRED_PORT + 100):
        if _is_free(host, port):
            return port
    raise FixAndRestart(
        f"ports {PREFERRED_PORT} to {PREFERRED_PORT + 99} on {host} are all in use: give a free one with --port"
    )


def answers(host: str, port: int, timeout_s: float = 0.5) -> bool:
    """Whether something accepts a TCP connection there."""
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


def _is_free(host: str, port: int) -> bool:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise FixAndRestart(
            f"host {host!r}: expected an address of this machine: {error.strerror}"
        ) from error
    with closing(socket.socket(family, kind)) as probe:
        # A port that only lingers in TIME_WAIT after the last run is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except PermissionError as error:
            raise FixAndRestart(f"port {port} needs root: give one above 1023 with --port") from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise FixAndRestart(f"host {host!r}: expected an address of this machine") from error
            return False
    return True
