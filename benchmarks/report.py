"""RESULTS.md, written from the kept results: one section per benchmark, so that no figure is copied by hand."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.catalogue import FIGURES, MEANINGS, TABLES
from benchmarks.figures import flat

HEAD = """# Results

Written by `python -m benchmarks report` from `benchmarks/results/*.json`, which
`python -m benchmarks NAME --save` (or `make soak`) keeps. Every table names its command and its machine. Figures are medians with
the range in brackets, where something was run more than once.
"""


def write(kept: Path, target: Path) -> None:
    """Write the file at `target` from the JSON files in `kept`, in the order of the catalogue."""
    sections = []
    for name in MEANINGS:
        for path in sorted(kept.glob(f"{name}*.json")):
            result = msgspec.json.decode(path.read_bytes())
            sections.append(section(result) + _figure(result, path.with_suffix(".svg"), target))
    target.write_text("\n".join([HEAD, *sections]), encoding="utf-8")


def _figure(result: dict[str, Any], path: Path, target: Path) -> str:
    """Draw what the benchmark has a figure for, and refer to it."""
    name = result["benchmark"]
    if name not in FIGURES:
        return ""
    importlib.import_module(FIGURES[name]).draw(result, path)
    return f"\n![{MEANINGS[name]}]({path.relative_to(target.parent)})\n"


def section(result: dict[str, Any]) -> str:
    """One benchmark: what it measures, its command, its machine, its table."""
    name, machine = result["benchmark"], result["machine"]
    told = (
        f"{machine['cores']} cores, {machine['cpu']}, {machine['memory_gib']} GiB, Python {machine['python']}"
    )
    body = {key: value for key, value in result.items() if key not in ("benchmark", "machine", "command")}
    meaning = MEANINGS[name]
    shown = importlib.import_module(TABLES[name]).table(result) if name in TABLES else table(body)
    return f"## {name}: {meaning}\n\n    {result['command']}\n\n{told}.\n\n{shown}\n"


def table(body: dict[str, Any]) -> str:
    """A column per case; without cases a single one.

    >>> print(table({"p50_ms": 1.5, "p50_ms_range": [1.0, 2.5], "runs": 3}))
    | | value |
    |---|---|
    | p50_ms | 1.5 (1 to 2.5) |
    """
    cases = next((value for value in body.values() if _is_cases(value)), None)
    if cases is None:
        columns, names = [_cells(body)], ["value"]
    else:
        # The first case's figures are at the top as well, for programs that want one number.
        top = {key: value for key, value in body.items() if not _is_cases(value) and key not in cases[0]}
        columns = [_cells(top | case) for case in cases]
        names = [column.pop("case", str(1 + at)) for at, column in enumerate(columns)]
    rows = list(dict.fromkeys(key for column in columns for key in column))
    lines = [f"| | {' | '.join(names)} |", f"|---{'|---' * len(columns)}|"]
    lines += [f"| {key} | {' | '.join(column.get(key, '') for column in columns)} |" for key in rows]
    return "\n".join(lines)


def _is_cases(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _cells(body: dict[str, Any]) -> dict[str, str]:
    """Readable values by dotted name, with their ranges in brackets."""
    found = dict(flat(body))
    return {
        key: f"{value} ({found[f'{key}_range']})" if f"{key}_range" in found else value
        for key, value in found.items()
        if not key.endswith(("_range", "runs")) and value != "none"
    }
