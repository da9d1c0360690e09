"""The forecasts' section of RESULTS.md: a row per method, then the pool by asset, and what belongs to neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

METHODS = {
    "random_walk": "random walk with drift",
    "climatology": "climatology, scaled by volatility",
    "garch_fhs": "GARCH, filtered historical simulation",
    "har": "HAR",
    "lstm": "LSTM",
    "pool_without_lstm": "pool without the LSTM",
    "pool": "**pool**",
}
HEAD = (
    "CRPS over 63 and 126 sessions on data that no choice has seen. Skill is the part of the other's CRPS that is "
    "saved, with its t (Newey-West); the 90 % interval should hold 90 % and the lowest twentieth 5 %."
)


def table(result: Mapping[str, Any]) -> str:
    """Markdown of a kept result."""
    tested = f"Test {result['test_from']} to {result['test_to']}, {result['origins']} origins, data {result['data_hash']}."
    found = [f"{HEAD} {tested}", "", *_rows(_METHOD_HEAD, [_method(result, name) for name in METHODS])]
    assets = sorted(result["pool"]["63"]["assets"])
    by_asset = [
        [name, *_figures([result["pool"][h]["assets"][name] for h in ("63", "126")])] for name in assets
    ]
    found += ["", "The pool by asset:", "", *_rows(["asset", *_METHOD_HEAD[1:]], by_asset), ""]
    for sessions in ("63", "126"):
        found.append(f"- {sessions} sessions: {_rest(result, sessions)}")
    if "old_recipe" in result:
        found.append(f"- {_old(result['old_recipe'])}")
    tried = result["ideas_tried"]
    found.append(
        f"- settings compared before the test began: {', '.join(f'{n} of the {k}' for k, n in tried.items())}"
    )
    return "\n".join(found)


_METHOD_HEAD = [
    "method",
    *[
        f"{what}, {h}"
        for h in (63, 126)
        for what in ("skill over random walk", "over GARCH", "90 % held", "5 % held")
    ],
]


def _method(result: Mapping[str, Any], name: str) -> list[str]:
    return [METHODS[name], *_figures([result[name][h] for h in ("63", "126")])]


def _figures(of: Sequence[Mapping[str, Any]]) -> list[str]:
    cells = []
    for one in of:
        cells += [_skill(one, "rw"), _skill(one, "garch_fhs")]
        cells += [f"{100 * one['coverage90']:.1f} %", f"{100 * one['left_tail05']:.1f} %"]
    return cells


def _skill(one: Mapping[str, Any], over: str) -> str:
    t = one.get(f"t_vs_{over}")
    value = f"{100 * one[f'skill_vs_{over}']:+.2f} %"
    return value if t is None else f"{value} (t {t:.1f})"


def _rest(result: Mapping[str, Any], sessions: str) -> str:
    added, joint = result["lstm_contribution"][sessions], result["joint"][sessions]
    seeds = [100 * one for one in result["lstm_seeds_skill_vs_rw"][sessions]]
    return (
        f"the LSTM adds {100 * added['skill']:+.3f} % (t {added['t']:.1f}) to the pool; alone, its seeds have "
        f"{min(seeds):+.2f} to {max(seeds):+.2f} %; the joint distribution has an energy score "
        f"{100 * joint['energy_skill_vs_independent']:+.2f} % (t {joint['energy_t']:.1f}) better than independent "
        f"assets; the profit of 12 allocations {100 * joint['profit_skill_vs_rw']:+.2f} % (t {joint['profit_t']:.1f}) "
        "over the random walk"
    )


def _old(recipe: Mapping[str, Any]) -> str:
    errors = ", ".join(
        f"{name} {one['ratio_to_no_change']:.1f}" for name, one in sorted(recipe["assets"].items())
    )
    return (
        f"an LSTM on price levels scaled to [0, 1], over {recipe['horizon']} sessions: its mean absolute error is so "
        f"many times that of no change at all: {errors}"
    )


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *[f"| {' | '.join(row)} |" for row in rows]]
