"""Is the past still what it was when the champion was trained? Asked before anything is trained on it.

A gate judges a model on the very data it was trained on, so it cannot see that all of them are wrong. What
was known at the champion's training must not have changed but for a corrected bar here and there, and what
came since must be what was seen live, when it was forecast from; prices that were adjusted by a factor leave
the moves as they were, but for the one across a dividend or split, which they raise to what a holder gained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from training.inputs import SPANS
from training.panel import Panel

TOLERANCE = 0.05  # of the deviation: one outlier that was corrected in a decade moves it less
MISSING = 0.02  # of the sessions
MIN_SESSIONS = 63
SAME_MOVE = 1e-4  # log return
CORRECTED = 2  # moves: one bar that was corrected
ADJUSTED = 0.05  # of the moves: a dividend a month
DIVIDEND = 0.05  # log return: what is paid at once is less
JUMP = 8.0  # deviations: more than a correction, as a split that was not adjusted for


class Past(msgspec.Struct, frozen=True):
    """Of one asset: sessions by number in the calendar, and the standard deviation of moves between them.

    before : that of the year before the first, which is trained on through the features; 0 where it is not known.
    """

    first: int
    last: int
    sessions: int
    deviation: float
    before: float = 0.0


def summary(panels: Iterable[Panel]) -> dict[str, Past]:
    """Per symbol."""
    return {panel.symbol: _of(panel) for panel in panels}


def changed(then: Mapping[str, Past], panels: Iterable[Panel]) -> str:
    """What differs in the sessions both know, in words; empty when nothing does."""
    found = []
    for panel in panels:
        old = then.get(panel.symbol)
        if old is None or old.sessions < MIN_SESSIONS:
            continue
        new = _of(panel.between(old.first, old.last))
        if abs(new.sessions - old.sessions) > MISSING * old.sessions:
            found.append(f"{panel.symbol} had {old.sessions} sessions, now {new.sessions}")
        elif (ratio := _ratio(new.deviation, old.deviation)) is not None:
            found.append(f"moves of {panel.symbol} are {ratio:.3g} times what they were")
        elif (
            old.before > 0
            and new.first == old.first
            and (ratio := _ratio(new.before, old.before)) is not None
        ):
            year = f"moves of {panel.symbol} in the year before its first session"
            found.append(f"{year} are {ratio:.3g} times what they were")
    return "; ".join(found)


def _ratio(new: float, old: float) -> float | None:
    """Of two deviations, when they differ by more than TOLERANCE."""
    new, old = max(new, 1e-12), max(old, 1e-12)
    return new / old if abs(np.log(new / old)) > TOLERANCE else None


def contradicted(seen: Mapping[str, Mapping[int, float]], panels: Iterable[Panel]) -> str:
    """Where the moves differ from those seen live, in words; empty when they do not.

    seen : symbol -> session -> price at whose close a forecast was logged.
    """
    found = []
    for panel in panels:
        live = seen.get(panel.symbol, {})
        at = [row for row, session in enumerate(panel.session.tolist()) if session in live]
        if len(at) < 2:
            continue
        wanted = np.diff(np.log([live[int(panel.session[row])] for row in at]))
        moves = np.diff(np.log(panel.price[at]))
        differs = moves - wanted
        wrong, n = int((np.abs(differs) > SAME_MOVE).sum()), len(wanted)
        paid = int(((differs > SAME_MOVE) & (differs <= DIVIDEND)).sum())
        # A jump that was seen live and is gone was adjusted for; one that nobody saw was not.
        unseen = np.where(np.abs(moves) > np.abs(wanted), np.abs(differs), 0.0)
        jump = bool((unseen > max(SAME_MOVE, JUMP * wanted.std())).any())
        if jump or wrong - paid > max(CORRECTED, MISSING * n) or paid > max(CORRECTED, ADJUSTED * n):
            found.append(f"{wrong} of {n} moves of {panel.symbol} are not what was seen live")
    return "; ".join(found)


def _of(panel: Panel) -> Past:
    n = len(panel.session)
    if not n:
        return Past(0, 0, 0, 0.0)
    deviation = float(panel.returns.std()) if n > 1 else 0.0
    before = float(np.nan_to_num(panel.inputs.realised[0, SPANS.index(252)]))
    return Past(int(panel.session[0]), int(panel.session[-1]), n, deviation, before)
