"""How the feeds are, from what producers publish on `feeds.status`: for `allocast status`, `doctor` and training."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from producers import topics
from producers.errors import TryAgain
from producers.feed_report import FeedReport
from producers.kafka_client import client_config
from producers.settings import Settings

SILENT_MS = 60_000  # a producer reports every few seconds
LAG_MS = 120_000  # of a live feed: two finished minutes
ANSWER_MS = 5_000  # how long a command that a person waits for looks for the broker
DISTRUST_MS = 3_600_000
DISTRUSTED = ("split_like", "unit_changed")  # refusals that speak against the history, not against a tick
DISTRUSTED_TICKS = 5
DAY_MS = 86_400_000


class Finding(msgspec.Struct, frozen=True):
    """One line for a person. `level` is ok, warning or error; `do` says what helps, if anything does."""

    subject: str  # feed, or feed and symbol
    level: str
    text: str
    do: str = ""


def reports(settings: Settings) -> list[FeedReport]:
    """The newest report of every feed, newest first. Raises TryAgain when the broker does not answer."""
    newest: dict[str, FeedReport] = {}
    for record in _newest(settings, topics.FEEDS, 50):
        try:
            report = msgspec.json.decode(record.value or b"", type=FeedReport)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        newest[report.feed] = report
    return sorted(newest.values(), key=lambda one: -one.at_ms)


def newest_report(settings: Settings) -> FeedReport | None:
    """What the producer said last; None before the first word or without a broker."""
    try:
        return next(iter(reports(settings)), None)
    except TryAgain:
        return None


def _newest(settings: Settings, topic: str, last: int) -> Iterator[Any]:
    """The newest records of each partition of a topic. Raises TryAgain when the broker does not answer."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    try:
        consumer = KafkaConsumer(
            **client_config(settings), group_id=None, enable_auto_commit=False, bootstrap_timeout_ms=ANSWER_MS
        )
        try:
            partitions = [
                TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()
            ]
            consumer.assign(partitions)
            begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
            for one in partitions:
                consumer.seek(one, max(begins[one], ends[one] - last))
            while any(consumer.position(one) < ends[one] for one in partitions):
                for records in consumer.poll(timeout_ms=500).values():
                    yield from records
        finally:
            consumer.close()
    except (KafkaError, OSError) as error:
        raise TryAgain(f"{topic}: {error}") from error


def refused(settings: Settings, since_ms: int, last: int = 2_000) -> Counter[tuple[str, str]]:
    """Refused ticks by symbol and reason since a moment, among the newest `last` dead letters.

    Raises TryAgain when the broker does not answer.
    """
    found: Counter[tuple[str, str]] = Counter()
    for record in _newest(settings, topics.DEAD, last):
        headers = dict(record.headers)
        if record.timestamp >= since_ms and headers.get("kind") == b"tick":
            found[(record.key or b"").decode(errors="replace"), headers["reason"].decode()] += 1
    return found


def training_blocked(settings: Settings, now_ms: int) -> str:
    """Why no model should be trained on what the feed gives now; empty when nothing speaks against it.

    Bad data block a training and never ask for one. Raises TryAgain when the broker does not answer.
    """
    report = next(iter(reports(settings)), None)
    if report is not None and report.blocks_training:
        return report.blocks_training
    for (symbol, reason), count in refused(settings, now_ms - DISTRUST_MS).items():
        if reason in DISTRUSTED and count >= DISTRUSTED_TICKS:
            return f"{symbol}: {count} ticks of the last hour were refused as {reason}"
    return ""


def examine(report: FeedReport, now_ms: int) -> list[Finding]:
    """What there is to say about one feed: its state and since when, then each symbol's last tick, lag and gaps."""
    silent_s = (now_ms - report.at_ms) / 1000
    since_s = (now_ms - report.since_ms) / 1000
    feed = report.feed
    if silent_s * 1000 > SILENT_MS:
        found = [
            Finding(feed, "error", f"its producer has said nothing for {silent_s:.0f} s", "is it running?")
        ]
    else:
        level = "warning" if report.state in ("offline", "polling", "starting") else "ok"
        why = f": {report.detail}" if report.detail else ""
        found = [Finding(feed, level, f"{report.state} for {since_s:.0f} s{why}", report.offered)]
    if report.blocks_training:
        found.append(Finding(feed, "warning", f"no model is trained: {report.blocks_training}"))
    for one in report.symbols:
        subject = f"{feed} {one.symbol}"
        if one.problem:
            found.append(Finding(subject, "warning", one.problem))
        if one.last_event_ms is None or one.lag_ms is None:
            found.append(Finding(subject, "warning", "no tick since the producer's start"))
            continue
        words = f"last tick {(now_ms - one.last_event_ms) / 1000:.0f} s ago by the exchange, lag {one.lag_ms / 1000:.1f} s"
        late = report.state == "live" and feed == "yahoo" and one.lag_ms > LAG_MS
        found.append(Finding(subject, "warning" if late else "ok", words))
        if one.missing_sessions:
            newest = f", the newest {one.gaps[-1]}" if one.gaps else ""
            found.append(Finding(subject, "ok", f"{one.missing_sessions} sessions without a close{newest}"))
    return found


def health(settings: Settings) -> list[Finding]:
    """Findings about every feed that has reported, for `allocast doctor`."""
    now = int(time.time() * 1000)
    try:
        found = [finding for report in reports(settings) for finding in examine(report, now)]
        for (symbol, reason), count in sorted(refused(settings, now - DAY_MS).items()):
            found.append(
                Finding(
                    symbol, "warning", f"{count} ticks of the last day refused: {reason}", "allocast dlq list"
                )
            )
    except TryAgain as error:
        return [Finding("feeds", "error", str(error), "is the broker running?")]
    return found or [Finding("feeds", "warning", "no producer has reported yet", "start `allocast up`")]


def as_json(report: FeedReport | None) -> dict[str, Any] | None:
    """For `allocast status --json`."""
    if report is None:
        return None
    found: dict[str, Any] = msgspec.to_builtins(report)
    return found
