"""The HTTP interface, against the real server: answers, refusals in one sentence, downloads, probes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.running_page import Site
from tests.dashboard.talking import QUESTION, ask


def test_the_answer_is_that_of_the_command_line(open_site: Site) -> None:
    found = ask(open_site, "api/forecast", QUESTION)
    assert (found.status, found.headers["content-type"]) == (200, "application/json")
    assert found.json["horizon_sessions"] == 126
    assert set(found.json["real"]) == {"mean", "median", "p05", "p25", "p75", "p95", "prob_loss"}
    assert found.json["suggestion"] is None


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({**QUESTION, "amount": -5}, "amount"),
        ({**QUESTION, "amount": "x" * 10_000}, "amount"),
        ({**QUESTION, "weights": {"gold": 60}}, "sum to 100"),
        ({**QUESTION, "weights": {"shares": 100}}, "unknown asset"),
        ({**QUESTION, "weights": {"gold": None}}, "weights"),
        ({**QUESTION, "weights": {"gold": 1e308, "nasdaq": 1e308}}, "gold"),
        ({**QUESTION, "horizon": "9m"}, "horizon"),
        ({**QUESTION, "horizon": "m" * 10_000}, "horizon"),
        ({**QUESTION, "fee": 99}, "fee"),
        ({**QUESTION, "rebalance": "hourly"}, "rebalance"),
        ({**QUESTION, "deposit": "shares"}, "deposit"),
        ({**QUESTION, "more": 1}, "more"),
        ({}, "amount"),
        ([], "body"),
        (b'{"amount": NaN}', "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 5_000, "body"),
    ],
)
def test_a_wrong_question_gets_one_sentence(open_site: Site, body: Any, word: str) -> None:
    found = ask(open_site, "api/forecast", body)
    assert found.status == 422
    assert word in found.json["error"]
    assert len(found.body) < 700


def test_the_interface_describes_itself_without_other_sites(open_site: Site) -> None:
    described = ask(open_site, "api/openapi.json").json
    assert "/forecast" in described["paths"]
    assert {"Question", "Answer", "Summary"} <= described["components"]["schemas"].keys()
    text = ask(open_site, "api/").body.decode()
    assert "POST /api/forecast" in text
    assert "https://" not in text


def test_downloads_follow_the_address(open_site: Site) -> None:
    found = ask(open_site, "download/figures.csv?amount=500&w=cash:100&h=1m")
    assert found.headers["content-disposition"] == 'attachment; filename="allocast-figures.csv"'
    lines = found.body.decode().splitlines()
    assert lines[0] == "money,trading_days,quantity,value"
    assert any(line.startswith("real,21,mean,") for line in lines)
    scenarios = ask(open_site, "download/scenarios.csv").body.decode().splitlines()
    assert scenarios[0].startswith("nominal_21,")
    assert len(scenarios) == 2_001
    assert ask(open_site, "download/figures.csv?amount=-1").status == 422


def test_probes_carry_no_data(open_site: Site) -> None:
    ask(open_site, "api/forecast", {**QUESTION, "amount": 98_765.0})
    text = ask(open_site, "metrics").body.decode()
    assert "allocast_page_forecasts_total" in text
    assert "98765" not in text
    assert "gold" not in text
    assert ask(open_site, "healthz", host="any.example").status == 200


def test_a_body_has_a_limit(open_site: Site) -> None:
    assert ask(open_site, "api/forecast", b" " * 300_000).status == 413


def test_health_answers_without_data(open_site: Site) -> None:
    answer = ask(open_site, "healthz")
    assert answer.headers["content-type"] == "application/json"
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
