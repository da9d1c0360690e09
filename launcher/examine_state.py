"""`allocast doctor` on this machine: the state folder, the disk, the feature registry, the model, the services."""

from __future__ import annotations

import shutil
import time
import urllib.request
from collections.abc import Iterator

from feature_repo import apply
from launcher.finding import Finding, fail, ok, warn
from producers.errors import FixAndRestart
from producers.metrics import PROGRESS_NAME, SERVICES, port_of
from producers.settings import Settings, writable

LITTLE_BYTES, NOTHING_BYTES = 2**30, 200 * 2**20
SILENT_S = 60.0


def state(settings: Settings) -> Iterator[Finding]:
    """The folder that everything on disk is kept in."""
    try:
        yield ok("state folder", str(writable(settings.state_dir)))
    except FixAndRestart as error:
        yield fail("state folder", str(error), "chown, or export ALLOCAST_STATE_DIR")
    yield disk(shutil.disk_usage(_existing(settings)).free)


def disk(free: int) -> Finding:
    """Room for Parquet, models, logs and what the embedded stores write.

    >>> disk(10**8).verdict, disk(10**9).verdict, disk(10**10).verdict
    ('fail', 'warn', 'ok')
    """
    detail, repair = f"{free / 2**30:.1f} GiB free", "make room, or move ALLOCAST_STATE_DIR"
    if free < NOTHING_BYTES:
        return fail("disk", detail, repair)
    return warn("disk", detail, repair) if free < LITTLE_BYTES else ok("disk", detail)


def registry(settings: Settings) -> Iterator[Finding]:
    """Whether Feast knows the features of this version."""
    name, repair = "feature registry", "run `python -O -m feature_repo.apply`"
    stamp = settings.registry_file.with_suffix(".applied")
    if not settings.registry_file.is_file():
        yield fail(name, f"{settings.registry_file} does not exist", repair)
    elif not stamp.is_file() or stamp.read_text() != apply.fingerprint(settings):
        yield fail(name, "was applied for other features or another folder", repair)
    else:
        yield ok(name, "holds the features of this version")


def model(settings: Settings) -> Iterator[Finding]:
    """Whether the served model is what was written, and fits this version."""
    from feature_repo.features import spec_hash
    from training import artefact

    version = artefact.champion_version(settings.models_dir)
    if version is None:
        yield warn("model", "none is promoted yet", "start `python -O -m training`, then `allocast train`")
        return
    try:
        manifest, _ = artefact.load(settings.models_dir / version)
    except FixAndRestart as error:
        yield fail(
            "model", str(error), "allocast train, or restore the folder from a backup: docs/operators.md"
        )
        return
    if manifest.spec_hash != spec_hash():
        yield fail("model", f"{version} was trained for other features", "allocast train")
    else:
        yield ok("model", f"{version}, {len(manifest.files)} files as they were written")


def services(settings: Settings) -> Iterator[Finding]:
    """Whether the services of this machine get on, by their metrics; nothing where they serve none."""
    for service in SERVICES if settings.metrics_port else ():
        yield getting_on(service, progress_of(settings, service), time.time())


def getting_on(service: str, progressed_s: float | None, now_s: float) -> Finding:
    """Whether a service has got on within SILENT_S.

    >>> getting_on("worker", 100.0, 500.0).verdict, getting_on("worker", 499.0, 500.0).verdict
    ('fail', 'ok')
    """
    name = f"service {service}"
    if progressed_s is None:
        return warn(
            name, "serves no metrics on this machine", "is it running, with ALLOCAST_METRICS_PORT set?"
        )
    silent_s = max(0.0, now_s - progressed_s)
    if silent_s > SILENT_S:
        return fail(
            name, f"has got nowhere for {silent_s:.0f} s", f"look at the log of the {service}; restart it"
        )
    return ok(name, f"got on {silent_s:.0f} s ago")


def progress_of(settings: Settings, service: str) -> float | None:
    """When a service last got on, seconds since epoch; None when it does not answer."""
    samples = scrape(settings, service)
    return None if samples is None else samples.get(f'{PROGRESS_NAME}{{service="{service}"}}')


def scrape(settings: Settings, service: str) -> dict[str, float] | None:
    """Every sample that a service serves, by name and labels; None when it does not answer."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot see our loopback
    host = "127.0.0.1" if settings.metrics_host == "0.0.0.0" else settings.metrics_host  # noqa: S104
    try:
        with direct.open(f"http://{host}:{port_of(settings, service)}/metrics", timeout=2) as answer:
            text: str = answer.read().decode()
    except (OSError, ValueError):
        return None
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def _existing(settings: Settings) -> str:
    folder = settings.state_dir
    while not folder.exists():
        folder = folder.parent
    return str(folder)
