"""The model directory: all that a forecast needs beside the online features.

    <models>/<version>/manifest.json   what it is, with the sha256 of every other file
                       arrays.npz      state of every member, weights, recalibration, joint template, inflation
                       model.onnx, model.keras   when the pool has an LSTM
    <models>/champion -> <version>     swapped atomically; so are challenger (in its shadow) and previous (what
                                       a promotion replaced, while it is watched for a rollback)

It is checked once, when it is loaded; a directory that was altered or cut short is refused.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from producers.errors import FixAndRestart
from training.earned import Earned
from training.horizons import FAN, HORIZONS, LEVELS, FloatArray
from training.members import LSTM
from training.past import Past

SCHEMA = "artefact/3"
MANIFEST = "manifest.json"
ARRAYS = "arrays.npz"
CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous"
KEPT = 3  # newest versions that are never deleted


class Manifest(msgspec.Struct, frozen=True):
    """What a model is and where it comes from."""

    schema: str
    version: str
    created_ms: int
    reason: str  # why it was trained: history, drift, manual, schedule
    detail: str
    symbols: list[str]
    rate: str | None  # symbol of the short rate, when there was enough of its history
    as_of_session: str  # newest session in the data, yyyy-mm-dd
    feed: str
    data_hash: str
    spec_hash: str
    horizons: list[int]
    levels: list[float]
    members: list[str]
    inflation_month: str
    inflation_known: str
    earned: dict[str, Earned]  # symbol -> weights, live skill and matured labels behind them
    report: dict[str, Any]  # training and gate figures
    files: dict[str, str] = {}  # name -> sha256
    request: str = ""  # idempotency key of the request that asked for it
    replaces: str = ""  # the champion when it was trained
    parameters: dict[str, Any] = {}  # of the training
    git_revision: str = ""  # of the code, where it is known
    past: dict[str, Past] = {}  # symbol -> what its history was like
    provisional: bool = False  # the members that could be had at once, until the first training ends


@dataclass(frozen=True)
class Arrays:
    """members : fitted state of each, without the LSTM.      weights : member -> (assets, H).
    levels     : (H, L), where the pool is read (recalibration).
    inflation  : (len(FAN), L) log changes.                   rate : (len(FAN), L) changes over the anchor.
    template   : (dates, len(FAN), assets + 2) ranks; the last columns are rate and inflation.
    """

    members: dict[str, dict[str, FloatArray]]
    weights: dict[str, FloatArray]
    levels: FloatArray
    inflation: FloatArray
    rate: FloatArray
    template: FloatArray

    @property
    def tables(self) -> dict[str, FloatArray]:
        """What is stored under its own name."""
        return {name: getattr(self, name) for name in ("levels", "inflation", "rate", "template")}


def write(folder: Path, manifest: Manifest, arrays: Arrays) -> Manifest:
    """Write arrays and manifest beside the model files already in `folder`. Returns the final manifest."""
    stored: dict[str, Any] = dict(arrays.tables)
    stored |= {f"weight.{name}": value for name, value in arrays.weights.items()}
    for member, state in arrays.members.items():
        stored |= {f"member.{member}.{name}": value for name, value in state.items()}
    np.savez_compressed(folder / ARRAYS, **stored)
    files = {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    final = msgspec.structs.replace(manifest, files=files)
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(final)))
    return final


def manifest_of(folder: Path) -> Manifest:
    """What a model says it is, its files unseen. Raises FixAndRestart when there is nothing to read."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise FixAndRestart(f"{folder / MANIFEST}: not a readable manifest: {error}") from error


def load(folder: Path) -> tuple[Manifest, Arrays]:
    """Read and verify. Raises FixAndRestart naming the file and what is wrong with it."""
    manifest = manifest_of(folder)
    if manifest.schema != SCHEMA:
        raise FixAndRestart(
            f"{folder}: expected {SCHEMA}, got {manifest.schema}: train again with `allocast train`"
        )
    if tuple(manifest.horizons) != HORIZONS or not np.array_equal(manifest.levels, LEVELS):
        raise FixAndRestart(
            f"{folder}: made for other horizons or quantile levels: train again with `allocast train`"
        )
    for name, expected in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise FixAndRestart(f"{path}: missing")
        if _sha256(path) != expected:
            raise FixAndRestart(f"{path}: altered or cut short (sha256 differs from the manifest)")
    if ARRAYS not in manifest.files or (LSTM in manifest.members and "model.onnx" not in manifest.files):
        raise FixAndRestart(f"{folder / MANIFEST}: does not list the files its members need")
    with np.load(folder / ARRAYS, allow_pickle=False) as stored:
        arrays = Arrays(
            members={name: _state(stored, name) for name in manifest.members if name != LSTM},
            weights={name: stored[f"weight.{name}"] for name in manifest.members},
            levels=stored["levels"],
            inflation=stored["inflation"],
            rate=stored["rate"],
            template=stored["template"],
        )
    assets = len(manifest.symbols)
    shapes = {
        "levels": (arrays.levels.shape, (len(HORIZONS), len(LEVELS))),
        "inflation": (arrays.inflation.shape, (len(FAN), len(LEVELS))),
        "rate": (arrays.rate.shape, (len(FAN), len(LEVELS))),
        "template": (arrays.template.shape[1:], (len(FAN), assets + 2)),
    }
    for name, value in arrays.weights.items():
        shapes[f"weight.{name}"] = (value.shape, (assets, len(HORIZONS)))
    for name, (given, wanted) in shapes.items():
        if given != wanted:
            raise FixAndRestart(f"{folder / ARRAYS}: {name} must have shape {wanted}, has {given}")
    return manifest, arrays


def _state(stored: Any, member: str) -> dict[str, FloatArray]:
    prefix = f"member.{member}."
    return {name.removeprefix(prefix): stored[name] for name in stored.files if name.startswith(prefix)}


def promote(models: Path, version: str) -> None:
    """Point `champion` at a version, atomically: readers see the old one or the new one, never none."""
    point(models, CHAMPION, version)


def point(models: Path, alias: str, version: str | None) -> None:
    """Point an alias at a version, atomically; None takes the alias away."""
    if version is None:
        (models / alias).unlink(missing_ok=True)
        return
    scratch = models / f".{alias}.{uuid.uuid4().hex}"
    scratch.symlink_to(version, target_is_directory=True)
    scratch.replace(models / alias)


def pointed(models: Path, alias: str) -> str | None:
    """The version an alias points at, None when there is none."""
    link = models / alias
    return link.readlink().name if link.is_symlink() else None


def pointed_ms(models: Path, alias: str) -> int:
    """When an alias was set, ms since epoch; 0 when it is not."""
    link = models / alias
    return link.lstat().st_mtime_ns // 1_000_000 if link.is_symlink() else 0


def champion_version(models: Path) -> str | None:
    """The version `champion` points at, None when there is none."""
    return pointed(models, CHAMPION)


def answering(models: Path, request: str) -> Manifest | None:
    """The newest version that was trained for a request, by its idempotency key; damaged ones do not count."""
    for folder in sorted(models.glob("[0-9]*"), reverse=True):
        try:
            if manifest_of(folder).request == request:
                return load(folder)[0]
        except (OSError, FixAndRestart):
            continue
    return None


def clean(models: Path, keep: int = KEPT) -> None:
    """Delete old versions: all but the `keep` newest and those that an alias points at."""
    aliased = {pointed(models, alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS)}
    folders = sorted(one for one in models.glob("[0-9]*") if one.is_dir() and not one.is_symlink())
    for folder in folders[: -keep or None]:
        if folder.name not in aliased:
            shutil.rmtree(folder, ignore_errors=True)


def stage(models: Path, version: str) -> Path:
    """An empty folder to build a version in; `publish` gives it its name."""
    folder = models / f".staged-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def publish(models: Path, staged: Path, version: str) -> Path:
    """Give a staged folder its final name, once all of it is on the disk: a machine that loses its power keeps
    the whole version or none.
    """
    for path in (*staged.iterdir(), staged):
        _sync(path)
    final = staged.rename(models / version)
    _sync(models)
    return final


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
