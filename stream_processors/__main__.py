"""`python -m stream_processors`: the stream worker. Start as many as there are partitions to share."""

from __future__ import annotations

import logging
import sys

from producers import heap, logs, metrics, topics
from producers.entry_point import exit_codes
from producers.settings import load_settings, writable
from producers.waiting import topic_id, until

log = logging.getLogger("stream_processors")


def main() -> int:
    """Entry point: runs until it is told to stop."""
    with exit_codes("stream_processors"):
        settings = load_settings()
        logs.configure(settings, "worker")
        heap.keep_small()
        metrics.serve(settings, "worker")
        # The id changes when the topic is made anew: offsets then start over, and so do fences and snapshots.
        ticks_id = until(lambda: topic_id(settings, topics.TICKS), settings, log)
        import faust

        from feature_repo.store import check_redis
        from stream_processors.app import create_app

        check_redis(settings)
        writable(settings.state_dir)  # final rows are acknowledged only when they are in the offline store
        app = create_app(settings, ticks_id)
        worker = faust.Worker(app, quiet=True, redirect_stdouts=False, override_logging=False)
        worker.spinner = None  # it writes to logs, too
        worker.execute_from_commandline()
    return 0


if __name__ == "__main__":
    sys.exit(main())
