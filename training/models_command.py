"""`allocast models`: what the registry holds, why a model serves, and changing that by hand."""

from __future__ import annotations

import sys

import msgspec

from producers import topics
from producers.errors import FixAndRestart, TryAgain
from producers.kafka_client import client_config
from producers.settings import Settings, load_settings
from producers.universe import load_universe
from stream_processors.messages import Bar
from training import artefact, audit, serving
from training.artefact import PREVIOUS, champion_version
from training.champion import Champion
from training.forecast_log import Forecast
from training.model_logs import chain_of, folder_of, records


def run_list(as_json: bool) -> int:
    """Print every recorded model, newest first; `serving` marks the one the page uses."""
    from training.registry import Registry

    settings = load_settings()
    serving = champion_version(settings.models_dir)
    versions = [
        {**one, "serving": one["version"] == serving} for one in Registry(settings.state_dir).versions()
    ]
    if as_json:
        sys.stdout.write(msgspec.json.encode({"models": versions}).decode() + "\n")
        return 0
    for one in versions:
        mark = "*" if one["serving"] else " "
        aliases = ",".join(one["aliases"])
        sys.stdout.write(
            f"{mark} {one['version']}  {one['members']:<18} {one['reason']:<8} {aliases:<10} {one['gate']}\n"
        )
    if not versions:
        sys.stdout.write("no models yet\n")
    return 0


def run_show(version: str, replay: bool, as_json: bool) -> int:
    """Print the chain behind a model; with `replay`, exit code 1 when any part comes out differently.

    Raises FixAndRestart for a version there is none of, TryAgain when the broker does not answer.
    """
    settings = load_settings()
    found, reports = chain_of(settings, version)
    checks = []
    if replay:
        assets = {asset.symbol: asset.id for asset in load_universe(settings.universe_file).priced}
        bars = sorted(
            records(settings, topics.BARS, Bar), key=lambda one: (one.session_date, one.symbol)
        )  # partitions come one after the other
        checks = audit.again(found, assets, bars, records(settings, topics.FORECASTS, Forecast), reports)
    if as_json:
        body = {**msgspec.to_builtins(found), "replay": msgspec.to_builtins(checks)}
        sys.stdout.write(msgspec.json.encode(body).decode() + "\n")
    else:
        told = audit.lines(found)
        told += [f"  again: {one.part} {'the same' if one.same else 'DIFFERS'}: {one.said}" for one in checks]
        sys.stdout.write("\n".join(told) + "\n")
    return 0 if all(one.same for one in checks) else 1


def run_promote(version: str, as_json: bool) -> int:
    """Serve a version from now on. What it replaces is kept, for `rollback`."""
    settings = load_settings()
    Champion(folder_of(settings, version))  # refused here rather than by every page
    before = champion_version(settings.models_dir)
    if before == version:
        raise FixAndRestart(f"{version} is what is served already")
    return _serve(settings, version, before, "promoted", "by hand", as_json)


def run_rollback(as_json: bool) -> int:
    """Serve again what the newest promotion replaced."""
    settings = load_settings()
    now = champion_version(settings.models_dir)
    if now is None:
        raise FixAndRestart("no model is served yet")
    before = artefact.pointed(settings.models_dir, PREVIOUS)
    before = before or artefact.manifest_of(folder_of(settings, now)).replaces
    if not before:
        raise FixAndRestart(
            f"{now} replaced no model that is still known; use `allocast models promote VERSION`"
        )
    Champion(folder_of(settings, before))
    return _serve(settings, before, None, "rolled_back", f"by hand, from {now}", as_json)


def _serve(
    settings: Settings, version: str, previous: str | None, kind: str, detail: str, as_json: bool
) -> int:
    """Serve a version and say so."""
    try:
        serving.serve(
            settings.models_dir,
            client_config(settings),
            serving.by_hand(settings.models_dir, version, previous, kind, detail),
        )
    except TryAgain as error:
        if champion_version(settings.models_dir) != version:
            raise
        sys.stderr.write(f"allocast: {error}; {version} is served all the same\n")
    body = {"serving": version, "previous": previous}
    sys.stdout.write(
        msgspec.json.encode(body).decode() + "\n" if as_json else f"{version} is served from now on\n"
    )
    return 0
