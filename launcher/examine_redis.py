"""`allocast doctor` on Redis: login, persistence, memory, clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from feature_repo.store import check_redis
from launcher.examine_kafka import clock
from launcher.finding import Finding, fail, ok, warn
from producers.errors import TryAgain
from producers.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def redis(settings: Settings) -> Iterator[Finding]:
    """Everything about Redis. Raises FixAndRestart when it refuses us, TryAgain when it does not answer."""
    import redis as client_library
    from redis.exceptions import NoPermissionError

    check_redis(settings)
    url = settings.redis_url.get_secret_value()
    parts = urlsplit(url)
    where = f"{parts.hostname}:{parts.port or 6379}"
    try:
        with client_library.Redis.from_url(
            url, socket_timeout=5, socket_connect_timeout=2, protocol=2, decode_responses=True
        ) as client:
            before = time.time()
            seconds, micros = client.time()
            info: dict[str, Any] = {
                **client.info("server"),
                **client.info("persistence"),
                **client.info("memory"),
            }
    except NoPermissionError as error:
        yield warn(
            "redis", f"{where}: {error}", "let doctor log in as allocast-doctor: deploy/redis/users.acl"
        )
        return
    except (client_library.RedisError, OSError) as error:
        raise TryAgain(f"Redis at {where} does not answer: {error}") from error
    yield login(where, parts.scheme, parts.password is not None, parts.hostname in LOOPBACK, info)
    yield persistence(info)
    yield memory(info)
    yield clock("redis", int((seconds + micros / 1e6 - before) * 1000), exact=True)


def login(where: str, scheme: str, password: bool, local: bool, info: dict[str, Any]) -> Finding:
    """Whether others may read and change what is in it."""
    detail = f"{where}, version {info['redis_version']}, {'TLS' if scheme == 'rediss' else 'no TLS'}"
    if not local and not password:
        return fail("redis", f"{detail}, no password", "set one: docs/security.md")
    if not local and scheme != "rediss":
        return warn(
            "redis", f"{detail}: the password is sent in the open", "use a TLS port: docs/security.md"
        )
    return ok("redis", detail)


def persistence(info: dict[str, Any]) -> Finding:
    """Whether features survive a restart of Redis.

    >>> persistence({"aof_enabled": 0}).verdict
    'warn'
    """
    name = "redis persistence"
    if not info["aof_enabled"]:
        return warn(
            name,
            "no append-only file: after a restart of Redis the page has nothing until the workers write it again",
            "redis-cli config set appendonly yes, and in redis.conf",
        )
    if info.get("aof_last_write_status") != "ok":
        return fail(name, "the append-only file cannot be written", "is the disk of Redis full?")
    return ok(name, "append-only file")


def memory(info: dict[str, Any]) -> Finding:
    """Whether Redis would throw features away, or refuse them."""
    used, most, policy = info["used_memory"], info["maxmemory"], info["maxmemory_policy"]
    name = "redis memory"
    if most and policy != "noeviction":
        return fail(
            name, f"policy {policy}: it deletes features", "redis-cli config set maxmemory-policy noeviction"
        )
    if most and used > 0.9 * most:
        return warn(name, f"{used / most:.0%} of {most / 2**20:.0f} MiB", "raise maxmemory")
    return ok(name, f"{used / 2**20:.0f} MiB used")
