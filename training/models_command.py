"""`allocast models`: what the registry holds."""

from __future__ import annotations

import sys

import msgspec

from producers.settings import load_settings
from training.artefact import champion_version


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
