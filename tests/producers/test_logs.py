"""What a service's log holds: our lines, and of libraries what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SPEAKING = """
import logging, warnings
from producers import logs
from producers.settings import Settings
logs.configure(Settings(log_format="json", log_level="{level}"), "worker")
warnings.simplefilter("always")
for name in ("faust.worker", "stream_processors"):
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger(name), level)("%s of %s", level, name)
warnings.warn("spelt differently from the next release on", DeprecationWarning)
"""


@pytest.mark.parametrize(
    ("level", "ours", "libraries", "developers"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"], ["info", "warning", "error"], True),
        ("INFO", ["info", "warning", "error"], ["warning", "error"], False),
        ("ERROR", ["error"], ["error"], False),
    ],
)
def test_libraries_speak_when_something_is_wrong(
    level: str, ours: list[str], libraries: list[str], developers: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPEAKING.format(level=level)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]  # every line has the form

    def levels(logger: str) -> list[str]:
        return [line["level"].lower() for line in lines if line["logger"] == logger]

    assert levels("stream_processors") == ours
    assert levels("faust.worker") == libraries
    assert levels("py.warnings") == (["warning"] if developers else [])
