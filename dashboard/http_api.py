"""The page's HTTP interface for other programs, probes and downloads.

`POST /api/forecast` takes and gives what `allocast forecast --json` does; /api shows it as OpenAPI.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec
import numpy as np
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboard import api_page, login_page
from dashboard.access import Access, open_session
from dashboard.asked import Asked, read
from dashboard.forecast import Forecaster
from dashboard.live import Poller
from producers.errors import FixAndRestart, TryAgain
from producers.universe import Universe
from training.answer import Answer, Request, ask

JSON = "application/json"
CSV = "text/csv; charset=utf-8"


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked; checked by the same rules as the command line."""

    amount: float
    weights: dict[str, float]  # percent per asset id, sum 100
    horizon: str  # 1m, 3m or 6m
    fee: float = 0.0  # percent of every purchase and sale
    rebalance: str = "none"  # or monthly
    deposit: str = "fixed"  # or renewed: each month at the rate of then
    suggest: bool = False  # also the allocation of least CVaR and the frontier


class Rollback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model is to answer again."""

    version: str


_question = msgspec.json.Decoder(Question)
_rollback = msgspec.json.Decoder(Rollback)


def add_routes(server: FastAPI, poller: Poller, forecast: Forecaster, access: Access) -> None:
    """Before Dash adds its own, which answer every path."""
    _add_probes(server)
    _add_login(server, access)
    _add_downloads(server, poller, forecast)
    server.mount("/api", _api(poller, forecast))


def request_in(asked: Question | Asked, universe: Universe) -> Request:
    """The valid request of a body or an address. Raises FixAndRestart."""
    return ask(
        asked.amount,
        asked.weights,
        asked.horizon,
        universe,
        fee=asked.fee,
        rebalance=asked.rebalance,
        deposit=asked.deposit,
    )


def _add_probes(server: FastAPI) -> None:
    @server.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @server.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_login(server: FastAPI, access: Access) -> None:
    @server.get("/login")
    async def form(request: HttpRequest) -> Response:
        return HTMLResponse(login_page.page(request.query_params.get("next", "/")))

    @server.post("/login")
    async def log_in(request: HttpRequest) -> Response:
        given = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=8)
        target = (given.get("next") or ["/"])[0]
        role = await asyncio.to_thread(access.role_of, (given.get("password") or [""])[0])
        if role is None:
            return HTMLResponse(login_page.page(target, wrong=True), status_code=403)
        open_session(request.session, role)
        return RedirectResponse(login_page.safe(target), status_code=303)

    @server.get("/logout")
    async def log_out(request: HttpRequest) -> Response:
        request.session.clear()
        return RedirectResponse("/login" if access.required else "/", status_code=303)


def _add_downloads(server: FastAPI, poller: Poller, forecast: Forecaster) -> None:
    """Tables of the page's own address: /download/figures.csv?amount=..."""

    def of_address(query: str) -> Request:
        asked, notices = read(query, poller.universe)
        if notices:
            raise FixAndRestart(" ".join(notices))
        return request_in(asked, poller.universe)

    @server.get("/download/figures.csv")
    async def figures(request: HttpRequest) -> Response:
        def table() -> bytes:
            return figures_csv(forecast(of_address(request.url.query)))

        return await _answered(lambda: _in_thread(table), CSV, "allocast-figures.csv")

    @server.get("/download/scenarios.csv")
    async def scenarios(request: HttpRequest) -> Response:
        def table() -> bytes:
            (outcome,) = forecast.outcomes([of_address(request.url.query)])
            return scenarios_csv(outcome.nominal.sum(axis=-1), outcome.real.sum(axis=-1))

        return await _answered(lambda: _in_thread(table), CSV, "allocast-scenarios.csv")


def _api(poller: Poller, forecast: Forecaster) -> FastAPI:
    schemas, components = msgspec.json.schema_components(
        [Question, Rollback, Answer], ref_template="#/components/schemas/{name}"
    )
    question, rollback, answered = schemas

    def body(schema: dict[str, Any]) -> dict[str, Any]:
        return {"requestBody": {"required": True, "content": {JSON: {"schema": schema}}}}

    problem: dict[str, Any] = {
        "content": {JSON: {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}}
    }
    problems: dict[int | str, dict[str, Any]] = {
        422: {"description": "One sentence that says what to change", **problem},
        503: {"description": "No prices or no model yet; try again", **problem},
    }
    api = FastAPI(title="Allocast", version="1", docs_url=None, redoc_url=None, openapi_url=None)

    @api.post(
        "/forecast",
        summary="The profit distribution of one allocation",
        openapi_extra=body(question),
        responses={200: {"content": {JSON: {"schema": answered}}}, **problems},
    )
    async def forecast_(request: HttpRequest) -> Response:
        raw = await request.body()

        def answer() -> bytes:
            asked = decoded(_question, raw)
            wanted = request_in(asked, poller.universe)
            found = forecast(wanted)
            if asked.suggest:
                found = msgspec.structs.replace(found, suggestion=forecast.suggest(wanted))
            return msgspec.json.encode(found)

        return await _answered(lambda: _in_thread(answer), JSON)

    @api.post("/retrain", summary="Ask for a retraining (operator)", responses=problems)
    async def retrain() -> Response:
        return await _answered(lambda: _in_thread(lambda: _said(poller.source.retrain())), JSON)

    @api.post(
        "/rollback",
        summary="Let an earlier model answer again (operator)",
        openapi_extra=body(rollback),
        responses=problems,
    )
    async def roll_back(request: HttpRequest) -> Response:
        raw = await request.body()

        def act() -> bytes:
            return _said(poller.source.roll_back(decoded(_rollback, raw).version))

        return await _answered(lambda: _in_thread(act), JSON)

    @api.get("/session", summary="Who is asking")
    async def session(request: HttpRequest) -> dict[str, object]:
        return {"role": getattr(request.state, "role", None), "login": bool(request.session)}

    openapi = get_openapi(title="Allocast", version="1", routes=api.routes, servers=[{"url": "/api"}])
    openapi.setdefault("components", {}).setdefault("schemas", {}).update(components)

    @api.get("/openapi.json", include_in_schema=False)
    async def schema() -> dict[str, Any]:
        return openapi

    @api.get("/", include_in_schema=False)
    async def shown() -> Response:
        return HTMLResponse(api_page.page(openapi))

    return api


def decoded(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    """A body as its type. Raises FixAndRestart with one sentence."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FixAndRestart(f"body: {error}") from error


def figures_csv(answer: Answer) -> bytes:
    """The fan and the summaries as rows: kind, trading days, quantity, money."""
    rows = ["money,trading_days,quantity,value"]
    for kind, fan, summary in (
        ("real", answer.fan_real, answer.real),
        ("nominal", answer.fan_nominal, answer.nominal),
    ):
        for name in ("p05", "p25", "median", "p75", "p95"):
            rows += [
                f"{kind},{session},{name},{value:.2f}"
                for session, value in zip(fan.sessions, getattr(fan, name), strict=True)
            ]
        rows.append(f"{kind},{answer.horizon_sessions},mean,{summary.mean:.2f}")
        rows.append(f"{kind},{answer.horizon_sessions},chance_of_loss,{summary.prob_loss:.4f}")
    return ("\n".join(rows) + "\n").encode()


def scenarios_csv(nominal: np.ndarray[Any, Any], real: np.ndarray[Any, Any]) -> bytes:
    """One row per scenario: profit in money after each horizon, before and after inflation.

    nominal, real : shape (scenarios, len(FAN)).
    """
    from training.horizons import FAN

    head = [f"{kind}_{session}" for kind in ("nominal", "real") for session in FAN]
    out = io.StringIO()
    np.savetxt(out, np.hstack([nominal, real]), fmt="%.2f", delimiter=",", header=",".join(head), comments="")
    return out.getvalue().encode()


def _said(sentence: str) -> bytes:
    return msgspec.json.encode({"answer": sentence})


async def _in_thread(work: Callable[[], bytes]) -> bytes:
    return await asyncio.to_thread(work)


async def _answered(work: Callable[[], Awaitable[bytes]], kind: str, file: str = "") -> Response:
    """What was asked for, or one sentence as {"error": ...}: 422 to be changed, 503 to be tried again."""
    try:
        body = await work()
    except FixAndRestart as error:
        return _problem(422, str(error))
    except TryAgain as error:
        return _problem(503, str(error), {"retry-after": "5"})
    headers = {"content-disposition": f'attachment; filename="{file}"'} if file else {}
    return Response(body, media_type=kind, headers={**headers, "cache-control": "no-store"})


def _problem(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode({"error": sentence[:500]}), status_code=status, media_type=JSON, headers=headers
    )
