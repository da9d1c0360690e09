"""The address of the page: every table row is something that was typed into it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.allocation import scale_to_100
from dashboard.asked import LONGEST_QUERY, OTHERS, VIEWS, Asked, default, read, write
from tests.dashboard.stubs.market import UNIVERSE
from training.answer import DEPOSIT, HORIZONS, REBALANCE, ask

IDS = [asset.id for asset in UNIVERSE.asset]
START = default(UNIVERSE)
WHOLE = st.dictionaries(st.sampled_from(IDS), st.integers(0, 100), min_size=1).filter(
    lambda w: any(w.values())
)
WEIGHTS = WHOLE.map(
    lambda w: {**dict.fromkeys(IDS, 0.0), **scale_to_100({k: float(v) for k, v in w.items()})}
)


def usable(asked: Asked) -> None:
    """Whatever came in, what comes out can be asked."""
    ask(asked.amount, asked.weights, asked.horizon, UNIVERSE, asked.fee, asked.rebalance, asked.deposit)
    for other in asked.others:
        ask(1.0, other, "1m", UNIVERSE)
    assert asked.view in VIEWS


@given(
    st.builds(
        Asked,
        weights=WEIGHTS,
        amount=st.integers(1, 10**9).map(lambda n: n / 100),
        currency=st.sampled_from(["", "EUR", "€"]),
        horizon=st.sampled_from(list(HORIZONS)),
        real=st.booleans(),
        fee=st.integers(0, 2000).map(lambda n: n / 100),
        rebalance=st.sampled_from(REBALANCE),
        deposit=st.sampled_from(DEPOSIT),
        others=st.lists(WEIGHTS, max_size=OTHERS).map(tuple),
        view=st.sampled_from(VIEWS),
    )
)
def test_what_is_written_is_read_again(asked: Asked) -> None:
    assert read(write(asked, UNIVERSE), UNIVERSE) == (asked, [])


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("amount=-5", "amount"),
        ("amount=0", "amount"),
        ("amount=nan", "amount"),
        ("amount=1e999", "amount"),
        ("amount=1e13", "amount"),
        ("amount=<script>alert(1)</script>", "amount"),
        ("amount=" + "9" * 500, "amount"),
        ("cur=<b>", "cur"),
        ("cur=toolong", "cur"),
        ("h=9m", "h:"),
        ("h=", "h:"),
        ("money=fake", "money"),
        ("fee=-1", "fee"),
        ("fee=21", "fee"),
        ("rebalance=hourly", "rebalance"),
        ("deposit=shares", "deposit"),
        ("view=admin", "view"),
        ("w=", "no weights"),
        ("w=gold", "gold"),
        ("w=gold:nan", "gold"),
        ("w=gold:-10,cash:110", "gold"),
        ("w=shares:50,cash:50", "shares"),
        ("w=gold:30,cash:30", "scaled"),
        ("w=gold:1e308,nasdaq:1e308", "1,000,000 percent of gold"),
        ("vs=gold:1e308,nasdaq:1e308", "no weights"),
        ("vs=gold:100&vs=cash:100&vs=gold:50,cash:50&vs=nasdaq:100", "at most 3"),
        ("x=1", "Unknown"),
        ("%ff%fe=%00", "Unknown"),
        ("&".join(f"a{n}=1" for n in range(100)), "could not be read"),
        ("w=" + "gold:1," * 1000, "longer"),
    ],
)
def test_every_bad_part_is_said_and_replaced(query: str, word: str) -> None:
    asked, notices = read("?" + query, UNIVERSE)
    usable(asked)
    assert any(word in notice for notice in notices), notices
    assert all(len(notice) < 200 for notice in notices)


@given(st.text(max_size=LONGEST_QUERY + 50))
def test_any_text_is_survived(text: str) -> None:
    usable(read(text, UNIVERSE)[0])


@given(
    st.sampled_from(["amount", "cur", "w", "h", "money", "fee", "rebalance", "deposit", "vs", "view"]),
    st.text(),
)
def test_any_value_is_survived(name: str, value: str) -> None:
    usable(read(f"?{name}={quote(value)}", UNIVERSE)[0])


def test_an_empty_address_is_a_fresh_page() -> None:
    assert read("", UNIVERSE) == (START, [])
    assert write(START, UNIVERSE) == ""
