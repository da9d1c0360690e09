from __future__ import annotations

import socket

import pytest

from producers import feed_choice
from producers.__main__ import parse
from producers.errors import FixAndRestart
from producers.feed_choice import decide, make_feed
from producers.offer import OfferYahoo
from producers.production import unpublished
from producers.settings import load_settings
from producers.tick_batch import batch
from producers.universe import load_universe
from tests.services import until
from tests.stubs import SESSION
from tests.yahoo.market import session_series
from tests.yahoo.server import Yahoo


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--feed", "csv"], "--data"),
        (["--feed", "csv", "--data", "/nowhere"], "/nowhere"),
        (["--feed", "simulated", "--speed", "0"], "--speed"),
        (["--feed", "simulated", "--speed", "nan"], "--speed"),
        (["--feed", "simulated", "--replay", "-1"], "--replay"),
        (["--feed", "simulated", "--ticks", "0"], "--ticks"),
        (["--feed", "yahoo", "--ticks", "5"], "--ticks"),
    ],
)
def test_a_wrong_option_is_named(arguments: list[str], says: str) -> None:
    with pytest.raises(FixAndRestart, match=says):
        make_feed(parse(arguments), load_universe(), load_settings())


def test_a_shock_needs_the_simulated_feed(tmp_path: object) -> None:
    with pytest.raises(FixAndRestart, match="--shock"):
        make_feed(
            parse(["--feed", "csv", "--data", str(tmp_path), "--shock"]), load_universe(), load_settings()
        )


def test_ticks_that_are_in_the_log_are_not_published_again() -> None:
    ticks = batch(["A", "B", "A", "B"], [1, 1, 2, 2], [1.0, 2.0, 3.0, 4.0])
    assert unpublished(ticks, {"A": 1, "B": 2}).price.tolist() == [3.0]
    assert len(unpublished(ticks, {})) == 4


def test_auto_takes_yahoo_if_it_answers_and_never_mixes_markets(yahoo: Yahoo) -> None:
    assert decide(None) == "simulated"  # it answers, but not with prices
    yahoo.series["^GSPC"] = session_series("^GSPC", SESSION)
    assert decide(None) == "yahoo"
    assert decide("simulated") == "simulated"
    yahoo.offline = True
    assert decide(None) == "simulated"
    assert decide("yahoo") == "yahoo"


def test_one_answer_that_is_lost_does_not_choose_the_market(
    yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_choice, "PROBE_PAUSE_S", 0.01)
    yahoo.series["^GSPC"] = session_series("^GSPC", SESSION)
    yahoo.faults.extend(["429", "html"])
    assert decide(None) == "yahoo"
    assert not yahoo.faults


def test_a_network_that_swallows_everything_is_no_yahoo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_choice, "PROBE_PAUSE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:  # it connects, and never says a word
        monkeypatch.setenv("HTTPS_PROXY", "http://{}:{}".format(*silent.getsockname()))
        assert decide(None) == "simulated"
        silent.settimeout(1)
        asked = [silent.accept()[0] for _ in range(feed_choice.PROBES)]
    for one in asked:
        one.close()


def test_auto_does_not_go_on_with_files() -> None:
    with pytest.raises(FixAndRestart, match="add --feed csv --data DIR"):
        decide("csv")


def test_going_over_to_yahoo_is_offered_while_it_answers(yahoo: Yahoo) -> None:
    offer = OfferYahoo(every_s=0.01)
    assert offer.words() == ""
    yahoo.series["^GSPC"] = session_series("^GSPC", SESSION)
    until(lambda: "allocast up --feed yahoo" in offer.words(), "the offer")
    assert "it needs a new log" in offer.words()
    yahoo.offline = True
    until(lambda: not offer.words(), "it is withdrawn")
    offer.stop()
