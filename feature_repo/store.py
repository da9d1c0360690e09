"""Opening the Feast store from our settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from producers.errors import FixAndRestart, TryAgain
from producers.settings import Settings

if TYPE_CHECKING:
    from feast import FeatureStore, RepoConfig

REPO = Path(__file__).parent

# Feast hands these to redis-py. RESP2, because Feast's reader expects its replies; timeouts, because
# redis-py by default waits for ever.
REDIS_OPTIONS = "protocol=2,socket_timeout=5,socket_connect_timeout=2,health_check_interval=15"


def feast_connection_string(redis_url: str) -> str:
    """Feast's `host:port,key=value` form of a redis:// or rediss:// URL.

    >>> feast_connection_string("redis://localhost:6379/3").split(",")[:2]
    ['localhost:6379', 'db=3']
    """
    parts = urlsplit(redis_url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise FixAndRestart("REDIS_URL: expected redis://[user:password@]host:port/db")
    if "," in unquote(parts.netloc):
        raise FixAndRestart("REDIS_URL: Feast cannot take a user name or a password with a comma")
    fields = [f"{parts.hostname}:{parts.port or 6379}", f"db={parts.path.strip('/') or 0}"]
    if parts.username:
        fields.append(f"username={unquote(parts.username)}")
    if parts.password:
        fields.append(f"password={unquote(parts.password)}")
    if parts.scheme == "rediss":
        fields.append("ssl=true")
    return ",".join([*fields, REDIS_OPTIONS])


@contextmanager
def feast_environment(settings: Settings) -> Iterator[None]:
    """The variables of feature_store.yaml and definitions.py, while Feast reads them."""
    values = {
        "ALLOCAST_FEAST_REGISTRY": str(settings.registry_file),
        "ALLOCAST_FEAST_REDIS": feast_connection_string(settings.redis_url.get_secret_value()),
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
