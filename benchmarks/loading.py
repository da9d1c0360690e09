"""Loading `market.ticks` before a run, in frames of exactly as many ticks as asked for."""

from __future__ import annotations

import msgspec

from producers import tick, topics
from producers.kafka_client import client_config
from producers.publisher import Framer
from producers.settings import Settings
from producers.tick_batch import TickBatch
from producers.waiting import topic_id


class Loaded(msgspec.Struct, frozen=True):
    """Of each partition that holds anything: the next offset, and a symbol of its last frame."""

    ends: dict[int, int]
    last_symbol: dict[int, str]


def load(settings: Settings, ticks: TickBatch, frame_ticks: int, seen_ms: int) -> Loaded:
    """Publish a batch; only a partition's last frame may hold fewer ticks.

    The records carry their partition as key, which Allocast ignores: engines that keep state by key need one.
    """
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    producer = KafkaProducer(**client_config(settings), linger_ms=20, batch_size=1 << 20)
    framer = Framer("bench", settings.partitions, topic_id(settings, topics.TICKS), frame_ticks)
    last_symbol = {}
    for partition, frame in framer.frames(ticks, seen_ms, history=False):
        producer.send(topics.TICKS, key=b"%d" % partition, value=tick.encode(frame), partition=partition)
        last_symbol[partition] = frame.symbols[-1]
    producer.flush()
    producer.close()
    consumer = KafkaConsumer(**client_config(settings), enable_auto_commit=False)
    wanted = [TopicPartition(topics.TICKS, number) for number in range(settings.partitions)]
    ends = consumer.end_offsets(wanted)
    consumer.close()
    return Loaded({partition.partition: end for partition, end in ends.items() if end}, last_symbol)
