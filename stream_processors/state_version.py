"""Names that change with the layout of the rolling state. Light: read by all who follow the worker's progress."""

from __future__ import annotations

from feature_repo.features import spec_hash
from producers.topics import Topic

STATE_VERSION = 4  # raise it when the kernel's state changes its layout or its meaning

# Another layout or another feature spec is another consumer group with another changelog: it begins at the
# oldest record, instead of going on after records whose effect it cannot read.
APP_ID = f"allocast-worker-{STATE_VERSION}-{spec_hash()[:8]}"
TABLE = "rolling_state"
# A worker that opens a partition reads all of its changelog: not much more of it may lie there than the state itself,
# 21 kB per symbol. In segments of Kafka's own size it would be up to a gigabyte per partition, minutes of reading.
SEGMENT_BYTES = 16 * 1024 * 1024
CHANGELOG = Topic(
    f"{APP_ID}-{TABLE}-changelog", retention_ms=None, per_symbol=True, segment_bytes=SEGMENT_BYTES
)


def source_log(topic_id: str, partition: int) -> str:
    """Identity of what a state or a row was computed from: offsets of the same identity can be compared.

    A row of another feature spec says nothing about how far this one has come.
    """
    return f"{topic_id}:{partition}:{spec_hash()[:8]}"
