"""One SASL login by hand, to learn why a broker refuses it.

A broker that refuses a login says why and closes the connection at once. kafka-python 3.0.12 sees the closed
connection first, over TLS always, throws the answer away and tries again until its timeout. These are the two
requests of the protocol that matter (https://kafka.apache.org/protocol, SaslHandshake 17 and SaslAuthenticate 36).
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from producers.errors import FixAndRestart, TryAgain
from producers.settings import Settings

HANDSHAKE, AUTHENTICATE = 17, 36
LONGEST = 1_000_000  # bytes of an answer; something else than a broker would announce gigabytes


def login(connection: socket.socket, settings: Settings, server: str) -> None:
    """Raises FixAndRestart when the broker refuses the mechanism, the user or the password."""
    mechanism = settings.kafka_sasl_mechanism
    error, rest = _ask(connection, HANDSHAKE, 1, _text(mechanism))
    if error:
        offered = ", ".join(_texts(rest)) or "none"
        raise FixAndRestart(
            f"Kafka at {server} does not know KAFKA_SASL_MECHANISM={mechanism}; it offers {offered}"
        )
    client = _client(settings)
    done = False
    while not done:
        token = client.auth_bytes()
        error, rest = _ask(connection, AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
        (length,) = struct.unpack_from(">h", rest)
        why = rest[2 : 2 + max(length, 0)].decode(errors="replace")
        if error:
            raise FixAndRestart(
                f"Kafka at {server} refused the login of KAFKA_USERNAME={settings.kafka_username} by {mechanism} "
                f"({why}): is KAFKA_PASSWORD right, and does the broker know this user and mechanism?"
            )
        done = client.receive(rest[2 + max(length, 0) + 4 :])


def _client(settings: Settings) -> Any:
    from kafka.net.sasl.plain import SaslMechanismPlain
    from kafka.net.sasl.scram import SaslMechanismScram

    from producers.kafka_client import client_config

    config = {
        name: value
        for name, value in client_config(settings).items()
        if name.startswith(("sasl", "security"))
    }
    kind = SaslMechanismPlain if settings.kafka_sasl_mechanism == "PLAIN" else SaslMechanismScram
    return kind(**config)


def _ask(connection: socket.socket, key: int, version: int, body: bytes) -> tuple[int, bytes]:
    """(error code, what follows it) of one request."""
    request = struct.pack(">hhi", key, version, 1) + _text("allocast") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    (length,) = struct.unpack(">i", _read(connection, 4))
    if not 6 <= length <= LONGEST:
        raise TryAgain(f"what listens there is no Kafka: it announced {length} bytes")
    answer = _read(connection, length)
    (error,) = struct.unpack_from(">h", answer, 4)
    return error, answer[6:]


def _read(connection: socket.socket, count: int) -> bytes:
    held = b""
    while len(held) < count:
        part = connection.recv(count - len(held))
        if not part:
            raise TryAgain("the broker closed the connection before it answered")
        held += part
    return held


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">h", len(raw)) + raw


def _texts(raw: bytes) -> list[str]:
    (count,), at, found = struct.unpack_from(">i", raw), 4, []
    for _ in range(count):
        (length,) = struct.unpack_from(">h", raw, at)
        found.append(raw[at + 2 : at + 2 + length].decode())
        at += 2 + length
    return found
