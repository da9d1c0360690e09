"""The diffs in docs/developers.md fit the project as it is, and what they add passes the commands under them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "developers.md"
COPIED = (
    *("producers", "feature_repo", "stream_processors", "training", "dashboard", "launcher", "benchmarks"),
    *("tests", "docs", "deploy", "examples"),
)


@dataclass(frozen=True)
class Guide:
    """One way to add something: what changes, and how to see that it works."""

    title: str
    diffs: tuple[str, ...]
    commands: tuple[str, ...]


def guides() -> list[Guide]:
    """Every section with a diff."""
    sections = re.split(r"(?m)^## ", GUIDE.read_text(encoding="utf-8"))[1:]
    found = []
    for section in sections:
        diffs = tuple(re.findall(r"```diff\n(.*?)```", section, re.DOTALL))
        blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        if diffs:
            commands = tuple(line for block in blocks for line in block.splitlines())
            found.append(Guide(section.splitlines()[0], diffs, commands))
    return found


def change(diff: str, root: Path) -> None:
    """Apply one diff: its first line names the file, the others are what is there, what goes and what comes.

    Without a line that is there already it is added at the end, or is a new file.
    """
    name, *lines = diff.splitlines()
    path = root / name.removeprefix(" # ")
    before = [line[1:] for line in lines if not line.startswith("+")]
    after = [line[1:] for line in lines if not line.startswith("-")]
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if not before:
        path.write_text(text + "\n".join([*after, ""]), encoding="utf-8")
        return
    old, new = ("\n".join(["", *part, ""]) for part in (before, after))
    assert text.count(old) == 1, f"{GUIDE.name}: {path.name} has not exactly one place with {before}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_each_thing_that_is_often_added_has_a_guide() -> None:
    titles = {guide.title for guide in guides()}
    assert {f"Add {what}" for what in ("an asset", "a feature", "a member", "a detector")} <= titles
    assert all(guide.commands for guide in guides())


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.title)
def test_it_works_as_shown(guide: Guide, tmp_path: Path) -> None:
    for folder in COPIED:  # with the compiled kernel, which is compiled anew only where it changes
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy2(path, tmp_path)
    for diff in guide.diffs:
        change(diff, tmp_path)
    for command in guide.commands:
        program, *arguments = shlex.split(command)
        assert program == ".venv/bin/python", command
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": "-p no:cacheprovider"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-2000:]}"
