"""Where numba keeps the compiled kernel, and when it compiles anew.

Numba's own cache looks at the file of the called function alone: it would go on running old code after a
change in another file of this package, or in the feature spec, whose constants are compiled in.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba as nb
from numba.core import config
from numba.core.caching import InTreeCacheLocator, UserWideCacheLocator

from feature_repo.features import spec_hash
from producers.tick import MAX_PRICE, MAX_RATE, MAX_SIZE

F = TypeVar("F", bound=Callable[..., Any])


@functools.cache
def stamp(folder: Path = Path(__file__).parent) -> str:
    """Changes with any source file of a folder, with the feature spec and with the limits of a tick."""
    digest = hashlib.sha256(f"{spec_hash()} {MAX_PRICE} {MAX_RATE} {MAX_SIZE}".encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


class BesideTheSource(InTreeCacheLocator):  # type: ignore[misc]  # numba ships no types
    """In `__pycache__`, as by default."""

    def get_source_stamp(self) -> str:
        return stamp()


class InTheUsersCache(UserWideCacheLocator):  # type: ignore[misc]  # as above
    """Where the installation is read-only."""

    def get_source_stamp(self) -> str:
        return stamp()


# Numba asks for it when a function is decorated, so everything here is decorated with what stands below.
config.CACHE_LOCATOR_CLASSES = ",".join(
    f"{__name__}.{locator.__name__}" for locator in (BesideTheSource, InTheUsersCache)
)


def compiled(signature: str) -> Callable[[F], F]:
    """Compile a function for one signature, when it is defined or from the cache."""
    decorator: Callable[[F], F] = nb.njit(signature, cache=True)
    return decorator
