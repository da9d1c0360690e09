"""How every kafka-python client of Allocast reaches the broker: one place for addresses and security."""

from __future__ import annotations

import ssl
from typing import Any

from producers.errors import FixAndRestart
from producers.settings import Settings


def client_config(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for KafkaProducer, KafkaConsumer and KafkaAdminClient.

    Raises FixAndRestart when SASL is asked for without a user name or a password: kafka-python would
    retry the refused login until its timeout and then only report that no broker was found.
    """
    if not __debug__:
        _decode_without_assertions()
    config: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.kafka_bootstrap_servers.split(",")],
        "security_protocol": settings.kafka_security_protocol,
        "reconnect_backoff_max_ms": 2_000,  # a broker that comes back is found within seconds
    }
    if settings.kafka_security_protocol.startswith("SASL_"):
        if not settings.kafka_username or settings.kafka_password is None:
            raise FixAndRestart(
                f"KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} needs KAFKA_USERNAME and "
                "KAFKA_PASSWORD, and at least one of them is not set"
            )
        config["sasl_mechanism"] = settings.kafka_sasl_mechanism
        config["sasl_plain_username"] = settings.kafka_username
        config["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    if settings.kafka_security_protocol.endswith("SSL"):
        config["ssl_context"] = tls_context(settings)
    return config


def tls_context(settings: Settings) -> ssl.SSLContext:
    """How the broker's certificate is checked, and our own where it asks for one; for every Kafka client.

    Raises FixAndRestart when a file of ours cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
        if settings.kafka_cert_file is not None:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file)
    except (ssl.SSLError, OSError) as error:
        raise FixAndRestart(
            "KAFKA_CA_FILE, KAFKA_CERT_FILE, KAFKA_KEY_FILE: expected PEM files of a certificate authority, of our "
            f"certificate and of its key: {error}"
        ) from error
    return context


def _decode_without_assertions() -> None:
    """Let kafka-python work under `python -O`, which the services run with.

    Version 3.0.12 reads the byte after a structure inside an `assert`. Without assertions the byte stays
    unread and every answer of Apache Kafka is refused as undecodable.
    """
    from kafka.errors import KafkaProtocolError
    from kafka.protocol.schemas.fields.codecs.tagged_fields import TaggedFields, UnsignedVarInt32

    def decode_empty(_cls: type, data: Any) -> None:
        if UnsignedVarInt32.decode(data) != 0:
            raise KafkaProtocolError("expected no tagged fields")

    TaggedFields.decode_empty = classmethod(decode_empty)
