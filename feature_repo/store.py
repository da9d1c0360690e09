"""Opening the Feast store from our settings."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from producers.errors import FixAndRestart, TryAgain
from producers.settings import Settings

if TYPE_CHECKING:
    from feast import FeatureStore, RepoConfig

REPO = Path(__file__).parent

# Feast hands these to redis-py. RESP2, because Feast's reader expects its replies; timeouts, because
# redis-py by default waits for ever.
REDIS_OPTIONS = "protocol=2,socket_timeout=5,socket_connect_timeout=2,health_check_interval=15"


def feast_connection_string(redis_url: str, cluster: bool = False) -> str:
    """Feast's `host:port,key=value` form of a redis:// or rediss:// URL; a cluster has no numbered databases.

    Feast reads each value as JSON where it can: a password of digits must stay a string. What a comma, YAML or the
    expansion of variables would change on its way is written as a JSON escape.

    >>> feast_connection_string("redis://localhost:6379/3").split(",")[:2]
    ['localhost:6379', 'db=3']
    """
    parts = urlsplit(redis_url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise FixAndRestart("REDIS_URL: expected redis://[user:password@]host:port/db")
    fields = [f"{parts.hostname}:{parts.port or 6379}"]
    if not cluster:
        fields.append(f"db={parts.path.strip('/') or 0}")
    if parts.username:
        fields.append(f"username={_quoted(unquote(parts.username))}")
    if parts.password:
        fields.append(f"password={_quoted(unquote(parts.password))}")
    if parts.scheme == "rediss":
        fields.append("ssl=true")
        if ca := parse_qs(parts.query).get("ssl_ca_certs"):
            fields.append(f"ssl_ca_certs={_quoted(ca[0])}")
    return ",".join([*fields, REDIS_OPTIONS])


def _quoted(text: str) -> str:
    plain = "".join(one if one.isalnum() and one.isascii() else f"\\u{ord(one):04x}" for one in text)
    return f'"{plain}"'


def check_redis(settings: Settings) -> None:
    """Raises FixAndRestart when Redis refuses our certificate authority, our login or what we have to do there.

    One that does not answer is none of that: whoever writes waits for it.
    """
    import redis

    url = settings.redis_url.get_secret_value()
    parts = urlsplit(url)
    where = f"Redis at {parts.hostname}:{parts.port or 6379}"
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2, protocol=2) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        if reason := refusal(error):
            raise FixAndRestart(f"{where} {reason}") from None


def refusal(error: BaseException) -> str:
    """Why Redis refuses us; empty when it just does not answer."""
    from redis.exceptions import AuthenticationError, NoPermissionError

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not accepted: {cause.verify_message}; is it signed by REDIS_CA_FILE?"
        )
    if cause is not None:
        return f"does not speak TLS with us ({cause}): does REDIS_URL name the port for TLS?"
    if isinstance(error, NoPermissionError):
        return (
            f"does not allow what is needed: {error}; deploy/redis/users.acl has the rules of every service"
        )
    if isinstance(error, AuthenticationError):
        return f"refused the login: {error}; are REDIS_USERNAME and REDIS_PASSWORD (or those in REDIS_URL) right?"
    return ""


@contextmanager
def feast_environment(settings: Settings) -> Iterator[None]:
    """The variables of feature_store.yaml and definitions.py, while Feast reads them."""
    values = {
        "ALLOCAST_FEAST_REGISTRY": str(settings.registry_file),
        "ALLOCAST_FEAST_REDIS": feast_connection_string(
            settings.redis_url.get_secret_value(), settings.redis_cluster
        ),
        "ALLOCAST_FEAST_REDIS_TYPE": "redis_cluster" if settings.redis_cluster else "redis",
        "ALLOCAST_FEAST_OFFLINE": str(settings.offline_dir),
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def load_config(settings: Settings) -> RepoConfig:
    """feature_store.yaml with our addresses."""
    from feast.repo_config import load_repo_config

    with feast_environment(settings):
        return load_repo_config(REPO, REPO / "feature_store.yaml")


def open_store(settings: Settings) -> FeatureStore:
    """The stock Feast store. Raises TryAgain while nothing has been applied to the registry yet."""
    if not settings.registry_file.exists():
        raise TryAgain(f"{settings.registry_file}: no feature registry yet; `allocast up` applies it")
    from feast import FeatureStore

    return FeatureStore(config=load_config(settings))
