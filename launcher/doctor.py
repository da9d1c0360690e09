"""`allocast doctor`: looks at everything a run needs and says how to repair what is wrong.

A check takes the settings and yields findings. One that raises is a failed check, so a broker that is away does not
keep the rest from being looked at. To look at one thing more, add a function to CHECKS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from launcher import examine_feeds, examine_kafka, examine_redis, examine_state
from launcher.finding import Finding, fail
from producers.errors import AllocastError
from producers.settings import Settings

Check = Callable[[Settings], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "state folder": examine_state.state,
    "kafka": examine_kafka.kafka,
    "redis": examine_redis.redis,
    "feature registry": examine_state.registry,
    "model": examine_state.model,
    "feeds": examine_feeds.feeds,
    "services": examine_state.services,
}


def examine(settings: Settings, checks: dict[str, Check] = CHECKS) -> Iterator[Finding]:
    """Every finding, in the order of the checks."""
    for name, check in checks.items():
        try:
            yield from check(settings)
        except AllocastError as error:
            yield fail(name, str(error), "see what it says; addresses: docs/operators.md#settings")
        except Exception as error:  # the others are still of interest
            yield fail(
                name, f"could not be looked at: {type(error).__name__}: {error}", "report this as a bug"
            )


def line(finding: Finding) -> str:
    """One finding for people."""
    text = f"{finding.verdict:<5} {finding.name:<34} {finding.detail}"
    return f"{text}\n      {'':<34} -> {finding.repair}" if finding.repair else text
