"""How a service learns that it shall end."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import pytest

from producers.entry_point import told_to_stop

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def handlers_kept() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers_kept")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_counts_also_when_a_library_swallows_what_it_raises(number: signal.Signals) -> None:
    stop = told_to_stop()
    assert not stop.is_set()
    with contextlib.suppress(SystemExit):  # as the Kafka client does
        signal.raise_signal(number)
        pytest.fail("whatever was waited for goes on")
    assert stop.is_set()
