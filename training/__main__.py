"""`python -m training`: the retraining service."""

from __future__ import annotations

import logging
import signal
import sys
import time

from producers import topics
from producers.errors import AllocastError, FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings, load_settings
from producers.universe import load_universe

log = logging.getLogger("training")

DEADLINE_S = 60.0


def wait_for_topics(settings: Settings, deadline_s: float = DEADLINE_S) -> None:
    """Until the broker knows our topics. Raises TryAgain after the deadline."""
    from kafka import KafkaConsumer
    from kafka.errors import KafkaError

    started, said, problem = time.monotonic(), 0.0, ""
    wanted = {topics.REQUESTS, topics.FEATURES, topics.MODEL_EVENTS, topics.FORECASTS}
    while (waited := time.monotonic() - started) < deadline_s:
        try:
            consumer = KafkaConsumer(**client_config(settings), group_id=None)
            missing = wanted - set(consumer.topics())
            consumer.close()
            if not missing:
                return
            problem = f"topics {', '.join(sorted(missing))} do not exist yet"
        except (KafkaError, OSError) as error:
            problem = str(error)
        if waited - said >= 5:
            said = waited
            log.warning("waiting for the broker at %s: %s", settings.kafka_bootstrap_servers, problem)
        time.sleep(0.2)
    raise TryAgain(f"no usable broker at {settings.kafka_bootstrap_servers} after {deadline_s:.0f} s: {problem}")


def main() -> int:
    """Entry point: runs until it is told to stop."""
    stopping = False

    def on_signal(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    try:
        settings = load_settings()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        logging.getLogger("kafka").setLevel(logging.WARNING)
        universe = load_universe(settings.universe_file)
        wait_for_topics(settings)
        from training.service import Service

        Service(settings, universe).run(lambda: stopping)
    except AllocastError as error:
        sys.stderr.write(f"training: {error}\n")
        return 2 if isinstance(error, FixAndRestart) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
