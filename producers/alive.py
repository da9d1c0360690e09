"""`python -m producers.alive SERVICE`: exit code 0 while that service of this host gets on. For health checks.

Not whether its process exists: one that stands still exists, too.
"""

from __future__ import annotations

import sys
import time
import urllib.request

from producers.metrics import PROGRESS_NAME, SERVICES, port_of
from producers.settings import load_settings

SILENT_S = 60.0


def problem(service: str) -> str:
    """Why the service is not alive; empty when it is."""
    settings = load_settings()
    port = port_of(settings, service)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot see our loopback
    try:
        with direct.open(f"http://127.0.0.1:{port}/metrics", timeout=3) as answer:
            text: str = answer.read().decode()
    except (OSError, ValueError) as error:
        return f"port {port}: {error}"
    name = f'{PROGRESS_NAME}{{service="{service}"}} '
    times = [float(line[len(name) :]) for line in text.splitlines() if line.startswith(name)]
    silent_s = time.time() - max(times, default=0.0)
    return f"has got nowhere for {silent_s:.0f} s" if silent_s > SILENT_S else ""


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SERVICES:
        sys.exit(f"usage: python -m producers.alive {'|'.join(SERVICES)}")
    sys.exit(problem(sys.argv[1]) or 0)
