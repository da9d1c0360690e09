"""Does it answer? Short questions to Redis and to the page."""

from __future__ import annotations

import urllib.request


def redis_answers(url: str) -> bool:
    """Whether the Redis at `url` answers PING, with the password in it."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, protocol=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def flush_redis(url: str) -> None:
    """Empty the database at `url`. Only ever called for the Redis that `allocast up` started itself."""
    import redis

    with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5, protocol=2) as client:
        client.flushdb()


def page_answers(url: str) -> bool:
    """Whether GET <url>/healthz returns 200 within a second."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot see our loopback
    try:
        with direct.open(f"{url}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError):
        return False
