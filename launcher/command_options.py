"""What every command shares: the options --json and --state-dir, and printing one JSON object."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from producers.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir", help="State folder of this installation. [env: ALLOCAST_STATE_DIR; default: .allocast]"
    ),
]


def use_state_dir(state_dir: Path | None) -> None:
    """Make --state-dir what every `load_settings` of this process sees."""
    if state_dir is not None:
        os.environ["ALLOCAST_STATE_DIR"] = str(state_dir.absolute())


def settings_of(state_dir: Path | None) -> Settings:
    """The settings of the installation in this state folder."""
    from producers.settings import load_settings

    use_state_dir(state_dir)
    return load_settings()


def print_json(value: dict[str, Any]) -> None:
    """One line on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
