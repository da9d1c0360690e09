"""`python -m launcher.prepare`: done once after an installation, so that the first start is as fast as later ones.

Importing writes Python's bytecode, which installers leave out, and importing the kernel fills numba's cache.
"""

from __future__ import annotations

import subprocess
import sys
import time

# Two lists of about equal length in time: one for each of the two cores that the smallest machine has.
SIDE_BY_SIDE = (
    (
        "feast",
        "faust",
        "redis",
        "kafka",
        "dash",
        "dash_mantine_components",
        "plotly.graph_objects",
    ),
    ("tensorflow", "mlflow", "onnxruntime", "stream_processors.kernel.roll", "feature_repo.online_encoding"),
)

# Imports one after the other and goes on after a failure: what is missing shows when it is needed.
CHILD = """
import importlib, sys, time
failed = 0
for name in sys.argv[1:]:
    started = time.monotonic()
    try:
        importlib.import_module(name)
        print(f"prepared {name} ({time.monotonic() - started:.1f} s)", flush=True)
    except Exception as error:
        failed = 1
        print(f"could not prepare {name}: {type(error).__name__}: {error}", flush=True)
sys.exit(failed)
"""


def main() -> None:
    """Import everything heavy once. Failures are printed and do no harm."""
    started = time.monotonic()
    # -O like the services: bytecode with and without assertions is kept in different files.
    children = [
        subprocess.Popen([sys.executable, "-O", "-c", CHILD, *names], stderr=subprocess.DEVNULL)
        for names in SIDE_BY_SIDE
    ]
    failed = [child.wait() for child in children]
    note = "; what failed above is prepared when it is first used" if any(failed) else ""
    sys.stdout.write(f"prepared in {time.monotonic() - started:.0f} s{note}\n")


if __name__ == "__main__":
    main()
