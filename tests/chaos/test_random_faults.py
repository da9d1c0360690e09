"""`make chaos`: everything at once, from a seed, for as long as is asked for."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.attack import Attack, random_plan
from tests.chaos.battle import battle

ROUND_MINUTES = 2.0
GIGABYTE = 10**9
MOST_MEMORY = 1.5 * GIGABYTE


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_nothing_is_lost_whatever_happens(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    minutes: float = request.config.getoption("chaos_minutes")
    seed: int = request.config.getoption("chaos_seed") or random.SystemRandom().randrange(10**6)

    def say(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    say(f"\n{minutes:g} minutes of faults, --chaos-seed {seed}; logs in {tmp_path}")
    with battle(tmp_path, seed) as fought:
        attack = Attack(fought.cluster, random.Random(seed))
        fought.cluster.add_worker()
        fought.resume()
        fought.cluster.shared_by(1)
        verdicts = []
        for number in range(max(1, round(minutes / ROUND_MINUTES))):
            fought.resume()
            attack.carry_out(random_plan(seed + number, min(minutes, ROUND_MINUTES)))
            healed = time.monotonic()
            verdicts.append(fought.verdict())
            caught_up = time.monotonic() - healed
            faults = ", ".join(f"{count} x {kind}" for kind, count in sorted(attack.done.items()))
            say(f"round {number + 1}: {faults}\n  judged {caught_up:.0f} s later  {verdicts[-1]}")
        say(
            f"workers that ended by themselves {fought.cluster.ended_by_themselves}, "
            f"largest {attack.peak_memory / GIGABYTE:.2f} GB, rows read {fought.watch.samples} times"
        )
        assert all(one.clean for one in verdicts)
        assert attack.peak_memory < MOST_MEMORY
        assert fought.watch.samples > 0
