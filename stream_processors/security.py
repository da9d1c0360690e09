"""The broker's security settings, as aiokafka and as Faust want them."""

from __future__ import annotations

from typing import Any

import faust

from producers.kafka_client import tls_context
from producers.settings import Settings


def security(settings: Settings) -> dict[str, Any]:
    """aiokafka's names for the broker's security settings."""
    protocol = settings.kafka_security_protocol
    options: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        options["ssl_context"] = tls_context(settings)
    if protocol.startswith("SASL_"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_username
        password = settings.kafka_password
        options["sasl_plain_password"] = password.get_secret_value() if password else None
    return options


def credentials(settings: Settings) -> Any:
    """Faust's form of the broker's security settings; None for plain text."""
    options = security(settings)
    if options["security_protocol"] == "PLAINTEXT":
        return None
    if options["security_protocol"] == "SSL":
        return faust.SSLCredentials(context=options["ssl_context"])
    return faust.SASLCredentials(
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        mechanism=options["sasl_mechanism"],
        ssl_context=options.get("ssl_context"),
    )
