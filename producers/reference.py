"""Reference series: not traded, but kept with the assets' features, each value from when it became known."""

from __future__ import annotations

from producers.universe import Asset

# One tick per month, at the moment of its release: the row's returns are monthly inflation, and a point-in-time
# join never sees a month before it was published.
CPI = Asset("cpi", "CPIAUCNS", "Consumer prices (CPI-U)", "price", "always", "index")
SERIES = (CPI,)
PREFIX = "cpi:"  # of the sources of its frames: cpi:fred, cpi:file, cpi:snapshot


def is_reference(source: str) -> bool:
    """Whether frames of this source belong to no feed of prices."""
    return source.startswith(PREFIX)


def reference(symbol: str) -> Asset | None:
    """The series with this symbol."""
    return next((series for series in SERIES if series.symbol == symbol), None)
