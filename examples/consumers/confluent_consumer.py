"""Every new bar of one symbol, with confluent-kafka: python confluent_consumer.py BROKER SYMBOL [COUNT]"""

import json
import sys

from confluent_kafka import Consumer

broker, symbol, *count = sys.argv[1:]
left = int(count[0]) if count else None
consumer = Consumer(
    {
        "bootstrap.servers": broker,
        "group.id": f"reader-confluent-{symbol}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        # With TLS and a login: "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-256",
        # "sasl.username": ..., "sasl.password": ..., "ssl.ca.location": "ca.pem"
    }
)
consumer.subscribe(["market.bars"])
while left != 0:
    record = consumer.poll(1.0)
    if record is None or record.error():
        continue
    if dict(record.headers() or []).get("schema", b"").decode() == "bar/1":
        bar = json.loads(record.value())
        if bar["symbol"] == symbol:
            print(
                bar["session_date"],
                bar["close"],
                f"{record.topic()}[{record.partition()}]@{record.offset()}",
                flush=True,
            )
            left = left - 1 if left is not None else None
    consumer.commit(record, asynchronous=False)
consumer.close()
