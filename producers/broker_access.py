"""Why a broker refuses us, in the words of our settings: certificate, login, permission.

kafka-python tries a refused connection again and again and then reports that it found no broker.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from producers.broker_login import login
from producers.errors import FixAndRestart, TryAgain
from producers.kafka_client import client_config, tls_context
from producers.settings import Settings

ANSWER_S = 5.0


def reach(settings: Settings) -> None:
    """Connect to one of the bootstrap servers, with TLS and the login where they are asked for.

    Raises FixAndRestart when the certificates do not fit or the login is refused, TryAgain when nobody answers.
    """
    context = tls_context(settings) if settings.kafka_security_protocol.endswith("SSL") else None
    problem = ""
    for server in client_config(settings)["bootstrap_servers"]:
        host, _, port = server.rpartition(":")
        host = host.strip("[]")
        try:
            with socket.create_connection((host, int(port)), timeout=ANSWER_S) as plain:
                with context.wrap_socket(plain, server_hostname=host) if context else plain as connection:
                    if settings.kafka_security_protocol.startswith("SASL_"):
                        login(connection, settings, server)
                return
        except ssl.SSLCertVerificationError as error:
            raise FixAndRestart(
                f"the certificate of Kafka at {server} is not accepted: {error.verify_message}. Expected one that is "
                f"valid now, names {host}, and is signed by KAFKA_CA_FILE ({settings.kafka_ca_file or 'not set'})"
            ) from None
        except ssl.SSLError as error:
            raise FixAndRestart(
                f"Kafka at {server} does not speak TLS with us: {error.reason or error}. Is it the port of the TLS "
                "listener, and does it ask for KAFKA_CERT_FILE?"
            ) from None
        except (OSError, ValueError) as error:
            problem = f"{server}: {error}"
    raise TryAgain(f"Kafka does not answer ({problem})")


@contextmanager
def refusals(settings: Settings) -> Iterator[None]:
    """What the broker does not allow while the block runs becomes FixAndRestart; other errors stay what they are."""
    from kafka import errors

    try:
        yield
    except errors.AuthorizationError as error:
        raise FixAndRestart(missing_permission(settings, str(error))) from None


def missing_permission(settings: Settings, what: str) -> str:
    """The sentence for a missing ACL."""
    return (
        f"Kafka does not allow {settings.kafka_username or 'us'} what is needed: {what}. "
        "The permissions of every service are in deploy/kafka/acls.txt"
    )
