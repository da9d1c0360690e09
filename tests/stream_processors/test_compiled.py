"""The compiled kernel is compiled anew when any of its sources changes."""

from __future__ import annotations

from pathlib import Path

from stream_processors.kernel.compiled import BesideTheSource, InTheUsersCache, stamp
from stream_processors.kernel.roll import apply_ticks


def test_the_stamp_changes_with_any_source_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("a = 1")
    (tmp_path / "two.py").write_text("b = 1")
    before = stamp.__wrapped__(tmp_path)
    assert stamp.__wrapped__(tmp_path) == before
    (tmp_path / "two.py").write_text("b = 2")
    assert stamp.__wrapped__(tmp_path) != before


def test_the_kernel_is_kept_under_that_stamp() -> None:
    locator = apply_ticks._cache._impl.locator
    assert isinstance(locator, BesideTheSource | InTheUsersCache)
    assert locator.get_source_stamp() == stamp()
