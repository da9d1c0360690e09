"""The secured servers, with the rules that are shipped and what `init` makes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from launcher.free_port import free_ports, free_row
from producers.metrics import SERVICES
from tests.security.certificates import Authority
from tests.security.secured import Secured, start
from tests.security.servers import allow, secured_kafka, secured_redis


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder, "authority")
    server = authority.issue("server")
    with (
        secured_kafka(folder, authority, server) as kafka,
        secured_redis(folder, authority, server) as redis_port,
    ):
        (page,) = free_ports(1)
        found = Secured(kafka, redis_port, authority, folder, free_row(len(SERVICES)), page)
        found.home.mkdir()
        allow(kafka)
        initialised = start(found, "init")
        assert initialised.wait(120) == 0, (folder / "init.log").read_text()
        yield found
