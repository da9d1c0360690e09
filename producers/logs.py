"""How the services log: lines for people, or one JSON object per line for machines.

Where a message names a record as `topic[partition]@offset`, as all of ours do, the JSON has these three apart.
The place of a tick's record is its correlation id: feature rows, logged forecasts and answers carry it, too.
"""

from __future__ import annotations

import json
import logging
import re
import sys

from producers.settings import Settings

OURS = ("producers", "feature_repo", "stream_processors", "training", "dashboard", "launcher")
TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
PLACE = re.compile(r"([a-z][\w.-]*)\[(\d+)\]@(\d+)")


class JsonFormatter(logging.Formatter):
    """One object per line: at, level, service, logger, message; topic, partition, offset; error with its traceback.

    >>> line = JsonFormatter("worker").format(
    ...     logging.LogRecord("stream", logging.INFO, "", 0, "market.ticks[3]@17: late", None, None))
    >>> [json.loads(line)[name] for name in ("level", "service", "topic", "partition", "offset", "id")]
    ['INFO', 'worker', 'market.ticks', 3, 17, 'market.ticks[3]@17']
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        line: dict[str, object] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": message,
        }
        if place := PLACE.search(message):
            topic, partition, offset = place.groups()
            line |= {"topic": topic, "partition": int(partition), "offset": int(offset), "id": place[0]}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(settings: Settings, service: str) -> None:
    """Log to standard error at the level and in the form of the settings.

    Libraries say what is wrong only, and at DEBUG what they do; Python's warnings to developers show then, too.
    """
    debug = settings.log_level == "DEBUG"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if settings.log_format == "json" else logging.Formatter(TEXT))
    libraries = logging.INFO if debug else max(logging.WARNING, logging.getLevelName(settings.log_level))
    logging.basicConfig(level=libraries, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(settings.log_level)
    logging.getLogger("kafka").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)  # a library may switch them on; as lines of ours they keep the form
    logging.getLogger("py.warnings").setLevel(logging.INFO if debug else logging.ERROR)
