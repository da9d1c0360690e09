"""Results that depend on data, code and settings alone are computed once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

import benchmarks.forecast
import training
from training.horizons import FloatArray


def code_hash() -> str:
    """Hash of every file that has a part in a forecast."""
    digest = hashlib.sha256()
    for package in (training, benchmarks.forecast):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class Cache:
    """A folder of arrays by key; None keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def arrays(
        self, key: str, origins: npt.NDArray[np.int64], compute: Callable[[], Mapping[str, FloatArray]]
    ) -> dict[str, FloatArray]:
        """What `compute` gave for this key, these origins and this code before, or gives now."""
        if self._folder is None:
            return dict(compute())
        name = hashlib.sha256(f"{key}|{code_hash()}".encode() + origins.tobytes()).hexdigest()[:24]
        path = self._folder / f"{name}.npz"
        if path.is_file():
            with np.load(path, allow_pickle=False) as stored:
                return {one: stored[one] for one in stored.files}
        found = dict(compute())
        self._folder.mkdir(parents=True, exist_ok=True)
        scratch = self._folder / f".{os.getpid()}.npz"
        np.savez_compressed(scratch, **found)  # type: ignore[arg-type]  # arrays by name, as it documents
        scratch.replace(path)
        return found
