"""docker-compose.yml and Dockerfile as compose reads them: what a service is started with."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from string import Template
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
OURS = "allocast"  # the image


def interpolated(value: Any) -> Any:
    """With $$ as one dollar. Raises KeyError for a variable: the file shall need nothing of the caller's shell.

    >>> interpolated({"test": ["echo $$HOME", 1]})
    {'test': ['echo $HOME', 1]}
    """
    if isinstance(value, dict):
        return {key: interpolated(one) for key, one in value.items()}
    if isinstance(value, list):
        return [interpolated(one) for one in value]
    return Template(value).substitute() if isinstance(value, str) else value


COMPOSE: dict[str, Any] = interpolated(
    yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
)
SERVICES: dict[str, Any] = COMPOSE["services"]
_IMAGE = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2].replace("\\\n", " ")


def command(name: str) -> list[str]:
    """The arguments of a service of ours: its own, else the image's entrypoint and command."""
    service = SERVICES[name]
    entrypoint = service.get("entrypoint", _arguments("ENTRYPOINT"))
    return [*entrypoint, *service.get("command", _arguments("CMD"))]


def environment(name: str) -> dict[str, str]:
    """All that a service of ours finds: the image's variables and its own, and none of whoever starts it.

    The image's virtual environment is this one. Its cache of machine code is numba's own here.
    """
    given = re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)", _IMAGE, re.MULTILINE)))
    image = {
        key: value.replace("/app/.venv", sys.prefix) for key, value in given if "/app/.numba" not in value
    }
    image["PATH"] = Template(image["PATH"]).substitute(PATH=os.environ["PATH"])
    # Of a working copy that is not the installed one.
    imported = {key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}
    return {**imported, **image, **SERVICES[name]["environment"]}


def health_check(name: str) -> list[str]:
    """The arguments of a service's health check."""
    kind, *arguments = SERVICES[name]["healthcheck"]["test"]
    return ["sh", "-c", *arguments] if kind == "CMD-SHELL" else arguments


def kafka_properties() -> dict[str, str]:
    """What the broker's image makes of its variables: KAFKA_A_B is a.b (KIP-975)."""
    variables = SERVICES["kafka"]["environment"]
    assert "__" not in "".join(variables), "two underscores mean something else"
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in variables.items()
        if name != "KAFKA_HEAP_OPTS"
    }


def _arguments(instruction: str) -> list[str]:
    found = re.findall(rf"^{instruction} (\[.*\])$", _IMAGE, re.MULTILINE)
    return list(json.loads(found[-1])) if found else []
