"""Where numba keeps the compiled kernel, and when it compiles anew.

Numba's own cache looks at the file of the called function alone: it would go on running old code after a
change in another file of this package, or in the feature spec, whose constants are compiled in.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from numba.core import config
from numba.core.caching import InTreeCacheLocator, UserWideCacheLocator

from feature_repo.features import spec_hash


@functools.cache
def stamp(folder: Path = Path(__file__).parent) -> str:
    """Changes with any source file of a folder and with the feature spec."""
    digest = hashlib.sha256(spec_hash().encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


class BesideTheSource(InTreeCacheLocator):  # type: ignore[misc]  # numba ships no types
    """In `__pycache__`, as by default."""

    def get_source_stamp(self) -> str:
        return stamp()


class InTheUsersCache(UserWideCacheLocator):  # type: ignore[misc]
    """Where the installation is read-only."""

    def get_source_stamp(self) -> str:
        return stamp()


def use_cache_of_these_sources() -> None:
    """Before the first function is decorated."""
    config.CACHE_LOCATOR_CLASSES = ",".join(
        f"{__name__}.{locator.__name__}" for locator in (BesideTheSource, InTheUsersCache)
    )
