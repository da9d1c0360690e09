"""Is a model that was fitted again at an alarm better than the one it replaces?

Judged twice. By what happened: the CRPS of both over the next quarter. Few outcomes, nearly the same for both
models, say little about which is better, so even a model that was fitted on a decade of the new market loses
often. And by what could have happened: the simulation knows the market, so the CRPS is averaged over many
outcomes from every moment, and the sign of the difference is no longer luck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.drift.market import Break, FloatArray, Market, simulate
from benchmarks.drift.shadow import SHADOW_SESSIONS, duel
from benchmarks.drift.worlds import FITTED, dataset, forecasts
from training import members
from training.horizons import HORIZONS, crps
from training.member import Member

JUDGED = 63  # sessions from the promotion on, at whose closes both forecast
JUDGED_HORIZONS = (1, 21)  # sessions; outcomes of longer ones hardly come before the next training
EVERY = 8  # sessions between two moments from which OUTCOMES futures are drawn
OUTCOMES = 300


@dataclass(frozen=True)
class Retrained:
    """CRPS saved by a new model as a share of the old one's, mean over assets, by horizon.

    promoted : whether the shadow let it through.   happened, expected : over what came, over what could have come.
    ideal : expected, by a model that was fitted on a decade of the market after the break.
    """

    promoted: bool
    happened: dict[int, float]
    expected: dict[int, float]
    ideal: dict[int, float]


def retrained(
    market: Market,
    change: Break,
    fitted: dict[str, Member],
    before: FloatArray,
    after: FloatArray,
    variance: FloatArray,
    known: int,
    rng: np.random.Generator,
) -> Retrained:
    """Fit again when `known` sessions after the break are known; the shadow, then the judgement.

    after : shape (n, ASSETS), returns since the break; variance : shape (n + 1, ASSETS), of these sessions.
    """
    again = members.fit(dataset(np.concatenate([before, after[:known]])).panels)
    longer, _ = simulate(market, change, None, FITTED, rng)
    ideal = members.fit(dataset(longer).panels)
    begin = known + SHADOW_SESSIONS
    seen, rest = np.concatenate([before, after[:begin]]), after[begin : begin + JUDGED + max(JUDGED_HORIZONS)]
    moments = np.arange(0, JUDGED, EVERY)
    start = np.repeat(variance[begin + moments][:, None], OUTCOMES, axis=1)
    futures = np.cumsum(simulate(market, change, start, max(JUDGED_HORIZONS), rng)[0], axis=0)
    total = np.cumsum(np.concatenate([np.zeros((1, rest.shape[1])), rest]), axis=0)

    def losses(model: dict[str, Member]) -> tuple[dict[int, FloatArray], dict[int, FloatArray]]:
        """CRPS per asset over what happened and over what could have, by horizon."""
        said = forecasts(model, seen, rest)[:JUDGED]
        happened, expected = {}, {}
        for horizon in JUDGED_HORIZONS:
            quantiles = said[:, :, HORIZONS.index(horizon)]
            outcome = total[horizon : horizon + JUDGED] - total[:JUDGED]
            happened[horizon] = crps(quantiles, outcome).mean(axis=0)
            expected[horizon] = crps(quantiles[moments][:, None], futures[horizon - 1]).mean(axis=(0, 1))
        return happened, expected

    old, new, best = losses(fitted), losses(again), losses(ideal)

    def saved(which: int, than: tuple[dict[int, FloatArray], ...]) -> dict[int, float]:
        return {h: float(1 - np.mean(than[which][h] / old[which][h])) for h in JUDGED_HORIZONS}

    known_before = np.concatenate([before, after[:known]])
    shadow = after[known:begin]
    verdict = duel(forecasts(fitted, known_before, shadow), forecasts(again, known_before, shadow), shadow)
    return Retrained(not verdict.worse, saved(0, new), saved(1, new), saved(1, best))
