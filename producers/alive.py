"""`python -m producers.alive SERVICE [ready]`: exit code 0 while that service of this host gets on. For health checks.

Not whether its process exists: one that stands still exists, too. With `ready`, only once it has begun its work: a
worker has joined its group and recovered its state, the producer's history is in the log, the monitor has scored the
past, training has read what was forecast. A rolling restart waits for that before it goes on to the next.
"""

from __future__ import annotations

import sys
import time
import urllib.request

from producers.metrics import PROGRESS_NAME, READY_NAME, SERVICES, port_of
from producers.settings import load_settings

SILENT_S = 60.0


def problem(service: str, port: int, ready: bool = False) -> str:
    """Why the service whose metrics are on that port is not alive, or not ready; empty when it is."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot see our loopback
    try:
        with direct.open(f"http://127.0.0.1:{port}/metrics", timeout=3) as answer:
            text: str = answer.read().decode()
    except (OSError, ValueError) as error:
        return f"port {port}: {error}"
    silent_s = time.time() - _value(text, PROGRESS_NAME, service)
    if silent_s > SILENT_S:
        return f"has got nowhere for {silent_s:.0f} s"
    return "has not begun its work" if ready and not _value(text, READY_NAME, service) else ""


def _value(text: str, name: str, service: str) -> float:
    start = f'{name}{{service="{service}"}} '
    return max(
        (float(line[len(start) :]) for line in text.splitlines() if line.startswith(start)), default=0.0
    )


def main(arguments: list[str]) -> str:
    """What is wrong; empty when nothing is."""
    if not arguments or arguments[0] not in SERVICES or arguments[1:] not in ([], ["ready"]):
        return f"usage: python -m producers.alive {'|'.join(SERVICES)} [ready]"
    service = arguments[0]
    return problem(service, port_of(load_settings(), service), ready=len(arguments) == 2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
