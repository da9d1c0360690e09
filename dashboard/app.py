"""The Dash app: the server around it, its layout, and the callbacks of every view."""

from __future__ import annotations

import importlib
import logging
from typing import NoReturn

import dash_mantine_components as dmc
import plotly.io
from dash import ClientsideFunction, Dash, Input, Output, State, ctx
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from dashboard import compare_callbacks, http_api, money_callbacks, slow_callbacks, stream
from dashboard.access import Access, protect
from dashboard.address_callbacks import connect as connect_address
from dashboard.forecast import Forecaster
from dashboard.index import INDEX
from dashboard.live import Poller
from dashboard.page import CHARTS, page
from dashboard.security_headers import SecurityHeaders

log = logging.getLogger(__name__)


def create_app(poller: Poller, access: Access | None = None) -> Dash:
    """The app around a poller, which the caller starts and stops. Run `app.server` with uvicorn.

    access : who may see and do what; without one everybody on this machine may do everything.
    """
    # Plotly looks for pandas in sys.modules whenever it writes JSON, without waiting for another thread's import of it
    # to end, and fails on half of it: pandas is imported before there are other threads.
    importlib.import_module("pandas")
    access = access or Access()
    server = FastAPI(
        title="Allocast", docs_url=None, redoc_url=None, openapi_url=None
    )  # its docs load from a CDN
    forecast = Forecaster(poller)
    http_api.add_routes(server, poller, forecast, access)
    app = Dash(
        __name__,
        backend="fastapi",
        server=server,
        serve_locally=True,
        title="Allocast",
        update_title=None,  # figures refresh every second; the tab title must not flicker
        index_string=INDEX,
        websocket_inactivity_timeout=0,  # a page nobody touches stays live
        websocket_allowed_origins=sorted(access.origins),
        on_error=_log_and_raise,
    )
    dmc.add_figure_templates()
    templates = {  # only their layout: the rest is about kinds of chart the page has not
        scheme: {"layout": plotly.io.templates[f"mantine_{scheme}"].layout.to_plotly_json()}
        for scheme in ("light", "dark")
    }
    app.layout = lambda: page(poller, templates, money_callbacks.first(poller, forecast))
    _connect_stream(app, poller)
    connect_address(app, poller.universe)
    money_callbacks.connect(app, poller, forecast)
    compare_callbacks.connect(app, poller, forecast)
    slow_callbacks.connect(app, poller)
    _connect_browser(app)
    # Added last is asked first: headers on every answer, then who is asking, then compression.
    server.add_middleware(GZipMiddleware, minimum_size=400, compresslevel=5)
    protect(server, access)
    server.add_middleware(SecurityHeaders, inline_scripts=app.csp_hashes())
    return app


def _log_and_raise(error: Exception) -> NoReturn:
    """Dash answers 500 without a trace in the log."""
    log.error("a callback failed", exc_info=error)
    raise error


def _connect_stream(app: Dash, poller: Poller) -> None:
    """One WebSocket callback per page; Dash starts it again when the socket reconnects."""

    @app.callback(websocket=True, persistent=True)
    async def follow() -> None:
        await stream.follow(ctx.websocket, poller)


def _connect_browser(app: Dash) -> None:
    """What the browser does alone: live properties, ages, sparklines, the charts' light or dark template."""
    app.clientside_callback(ClientsideFunction("allocast", "pulse"), Input("pulse", "data"))
    app.clientside_callback(ClientsideFunction("allocast", "trail"), Input("trail", "data"))
    app.clientside_callback(ClientsideFunction("allocast", "pause"), Input("pause", "checked"))
    app.clientside_callback(ClientsideFunction("allocast", "address"), Input("address", "data"))
    app.clientside_callback(
        ClientsideFunction("allocast", "operate"),
        Output("action-answer", "children"),
        Input("retrain", "n_clicks"),
        Input("rollback", "n_clicks"),
        State("rollback-version", "value"),
        prevent_initial_call=True,
    )
    for name in CHARTS:
        app.clientside_callback(
            ClientsideFunction("allocast", "draw"),
            Output(name, "figure"),
            Input(f"{name}-figure", "data"),
            Input("scheme-now", "data"),
            State("templates", "data"),
        )
