"""`python -m stream_processors`: the stream worker. Start as many as there are partitions to share."""

from __future__ import annotations

import logging
import sys
import time

from producers import topics
from producers.errors import AllocastError, FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings, load_settings

log = logging.getLogger("stream_processors")

DEADLINE_S = 60.0


def wait_for_log(settings: Settings, deadline_s: float = DEADLINE_S) -> str:
    """The topic id of `market.ticks`, once it is there. Raises TryAgain after the deadline.

    The id changes when the topic is made anew: offsets then start over, and so must fences and snapshots.
    """
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    started, said, problem = time.monotonic(), 0.0, ""
    while (waited := time.monotonic() - started) < deadline_s:
        try:
            admin = KafkaAdminClient(**client_config(settings))
            try:
                described = admin.describe_topics([topics.TICKS])[0]
            finally:
                admin.close()
            if described["error_code"] == 0:
                return str(described["topic_id"])
            problem = f"topic {topics.TICKS} does not exist yet"
        except (KafkaError, OSError) as error:
            problem = str(error)
        if waited - said >= 5:
            said = waited
            log.warning("waiting for the broker at %s: %s", settings.kafka_bootstrap_servers, problem)
        time.sleep(0.2)
    raise TryAgain(f"no usable broker at {settings.kafka_bootstrap_servers} after {deadline_s:.0f} s: {problem}")


def main() -> int:
    """Entry point: runs until it is told to stop."""
    try:
        settings = load_settings()
        logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        logging.getLogger("kafka").setLevel(logging.WARNING)
        log_id = wait_for_log(settings)
        import faust

        from stream_processors.app import create_app

        app = create_app(settings, log_id)
        faust.Worker(app, loglevel=settings.log_level, redirect_stdouts=False).execute_from_commandline()
    except AllocastError as error:
        sys.stderr.write(f"stream_processors: {error}\n")
        return 2 if isinstance(error, FixAndRestart) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
