"""Whose data a state folder holds: features derived from one broker's log make no sense beside another's."""

from __future__ import annotations

import shutil

from launcher.plan import Plan
from producers.errors import FixAndRestart

OWNER_FILE = "broker"
EMBEDDED = "embedded"


def identity(plan: Plan) -> str:
    """What distinguishes the log: the embedded broker's is new at every start, the others' stay."""
    return plan.broker if plan.broker != "external" else f"external {plan.settings.kafka_bootstrap_servers}"


def claim(plan: Plan) -> None:
    """Take over the state folder for this broker.

    What came from an embedded broker is removed: its log is gone. Raises FixAndRestart when the folder holds
    the features of another lasting log, which could not be computed again.
    """
    path = plan.settings.state_dir / OWNER_FILE
    wanted = identity(plan)
    held = path.read_text(encoding="utf-8") if path.exists() else EMBEDDED
    if held not in (EMBEDDED, wanted):
        raise FixAndRestart(
            f"{plan.settings.state_dir} holds features of another Kafka ({held}), asked for {wanted}: "
            "give this one a folder of its own with --state-dir"
        )
    if held == EMBEDDED and wanted != EMBEDDED:
        shutil.rmtree(plan.settings.state_dir / "offline", ignore_errors=True)
    path.write_text(wanted, encoding="utf-8")
