"""How a challenger in its shadow does beside the champion, and what is missing until it is judged. Pure.

The same duel that decides in the training service (training.duel), on the same logged forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from dashboard import money
from dashboard.parts import table
from training.artefact import CHAMPION
from training.duel import WORSE_T, WRONG_SPREAD, Duel, Standing
from training.forecast_log import Forecast


def standing(trial: Sequence[Forecast], version: str, since_ms: int) -> Standing | None:
    """Where it stands; None before its first forecast.

    trial : of challenger and champion, in the order of sessions.      since_ms : when its shadow began.
    """
    own = [one for one in trial if one.model == version]
    champions = [one.model for one in trial if one.role == CHAMPION]
    if not own or not champions:
        return None
    duel = Duel(version, champions[-1], min(since_ms, *(one.made_ms for one in own)))
    for one in trial:
        duel.add(one)
    return duel.standing()


def missing(found: Standing, wanted: int) -> str:
    """What is missing until the decision, and how it would be made now, in two sentences."""
    left = wanted - found.sessions - found.holes
    if left > 0:
        more = "1 more session" if left == 1 else f"{left} more sessions"
        head = f"It is judged after {more} with an outcome"
    else:
        head = "It is judged at the next close"
    if not found.sessions:
        return f"{head}. Nothing can be compared yet."
    return f"{head}. As it stands it would {_would(found)}."


def _would(found: Standing) -> str:
    if not found.worse:
        return "be promoted"
    if found.holes > found.sessions:
        why = f"{found.holes} sessions went by without its forecast"
    elif found.t > WORSE_T:
        why = f"its CRPS is {found.t:.1f} standard errors worse, {WORSE_T:g} are allowed"
    else:
        why = f"its intervals are off by {found.off_new:.1f} standard errors, {WRONG_SPREAD:g} are allowed"
    return f"be rejected: {why}"


def standing_of(found: Standing | None, version: str, wanted: int) -> Any:
    """A table of both and a sentence. wanted : sessions after which it is judged."""
    if found is None:
        return html.P(
            f"{version} is being watched: 0 of {wanted} sessions. Its first forecast is made at the next close."
        )
    side = "below" if found.mean <= 0 else "above"
    rows = [
        ["Sessions with an outcome", f"{found.sessions} of {wanted}", ""],
        ["CRPS of one session, mean", _crps(found.crps_new, found), _crps(found.crps_old, found)],
        ["Its intervals are off by", _off(found.off_new, found), _off(found.off_old, found)],
        [
            "Difference, of the most possible",
            f"{abs(found.mean):.1%} {side} (t {found.t:+.1f})" if found.sessions else money.NOTHING,
            "",
        ],
    ]
    if found.holes:
        rows.append(["Sessions without its forecast", str(found.holes), ""])
    return html.Div(
        [
            html.P(f"{found.new} is being watched: {found.sessions} of {wanted} sessions."),
            table(
                ["Beside each other", "Challenger", f"Champion {found.old}"],
                rows,
                "The challenger beside the champion",
                "numbers",
            ),
            html.P(missing(found, wanted)),
        ],
        className="stack",
    )


def _crps(value: float, found: Standing) -> str:
    """In percent of the price: the forecast is of a log return."""
    return f"{100 * value:.3f} %" if found.sessions else money.NOTHING


def _off(value: float, found: Standing) -> str:
    return f"{value:.1f} standard errors" if found.sessions else money.NOTHING
