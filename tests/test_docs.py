"""Commands that documents, programs and alerts name exist, with the options they are shown with; links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from dashboard.access import AccessSettings
from launcher.cli import app
from producers.settings import Settings, StateFolder, variable

ROOT = Path(__file__).parents[1]
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "topics" / "README.md"])
COMMAND = re.compile(r"(?:^|`|\s)(?:\.venv/bin/)?(allocast (?:[a-z][^`\n|&]*))", re.MULTILINE)
VARIABLES = {variable(name) for name in Settings.model_fields} | {
    f"ALLOCAST_{name.upper()}" for part in (StateFolder, AccessSettings) for name in part.model_fields
}
OF_FEAST = {
    "ALLOCAST_FEAST_REGISTRY",
    "ALLOCAST_FEAST_REDIS",
    "ALLOCAST_FEAST_REDIS_TYPE",
    "ALLOCAST_FEAST_OFFLINE",
}


# What programs and alerts tell people to do.
SAYING = sorted(
    path
    for folder in (
        "producers",
        "feature_repo",
        "stream_processors",
        "training",
        "dashboard",
        "launcher",
        "deploy",
    )
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".yml", ".json") and "allocast " in path.read_text(encoding="utf-8")
)


def commands(path: Path) -> list[str]:
    """What is shown as a command: in a block, or between backticks."""
    text = path.read_text(encoding="utf-8")
    if path in SAYING:
        quoted = re.findall(r"`(allocast [a-z][^`{\n]*)`", text) + re.findall(
            r'"(allocast [a-z][^"{,:]*)"', text
        )
        return [one.strip() for one in quoted]
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"(?m)^    (.*)$", text)
    quoted = re.findall(r"`(allocast [^`]+)`", text)
    return [match.strip() for part in (*blocks, *quoted) for match in COMMAND.findall(part)]


@pytest.mark.parametrize("path", [*DOCS, *SAYING], ids=lambda path: path.name)
def test_every_command_exists_with_its_options(path: Path) -> None:
    for line in commands(path):
        words = shlex.split(line.replace("[", "").replace("]", ""), comments=True)[1:]
        command: Any = typer.main.get_command(app)
        while words and hasattr(command, "commands"):
            found = command.commands.get(words[0])
            assert found is not None, f"{path.name}: {line}"
            command, words = found, words[1:]
        if command.name == "bench":  # has its own options
            continue
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, (
            f"{path.name}: {line}"
        )


def test_commands_are_found_at_all() -> None:
    assert len(commands(ROOT / "docs" / "consumers.md")) >= 5
    assert "allocast doctor" in commands(ROOT / "docs" / "operators.md")
    assert "allocast dlq list" in commands(ROOT / "deploy" / "prometheus" / "alerts.yml")


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_variables_are_settings(path: Path) -> None:
    named = set(
        re.findall(r"\b((?:ALLOCAST|KAFKA|REDIS)_[A-Z][A-Z_]*[A-Z])\b", path.read_text(encoding="utf-8"))
    )
    assert named <= VARIABLES | OF_FEAST, path.name
