"""Every new bar of one symbol, with kafka-python: python kafka_python_consumer.py BROKER SYMBOL [COUNT]"""

import json
import sys

from kafka import KafkaConsumer

broker, symbol, *count = sys.argv[1:]
left = int(count[0]) if count else None
consumer = KafkaConsumer(
    "market.bars",
    bootstrap_servers=broker,
    group_id=f"reader-kafka-python-{symbol}",  # progress is kept under this name: start again and go on
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    # With TLS and a login: security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-256",
    # sasl_plain_username=..., sasl_plain_password=..., ssl_cafile="ca.pem"
)
for record in consumer:
    schema = dict(record.headers).get("schema", b"").decode()
    if schema != "bar/1":
        continue  # a version that this reader does not know
    bar = json.loads(record.value)
    if bar["symbol"] == symbol:
        print(
            bar["session_date"],
            bar["close"],
            f"{record.topic}[{record.partition}]@{record.offset}",
            flush=True,
        )
        left = left - 1 if left is not None else None
    consumer.commit()  # after the work: a crash repeats a bar and loses none
    if left == 0:
        break
consumer.close()
