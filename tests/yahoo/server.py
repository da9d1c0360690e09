"""Yahoo's and FRED's servers on loopback: TLS with a certificate authority of their own, behind an HTTP proxy.

The real yfinance asks its real addresses. What points it here are the environment variables that any company's
network uses: HTTPS_PROXY for a proxy that answers CONNECT, and the bundle of certificates to trust.
"""

from __future__ import annotations

import base64
import contextlib
import json
import select
import socket
import socketserver
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import trustme
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.services import until
from tests.yahoo.market import Series

STREAM = "streamer.finance.yahoo.com"
HOSTS = (
    "query1.finance.yahoo.com",
    "query2.finance.yahoo.com",
    "fc.yahoo.com",
    "guce.yahoo.com",
    "consent.yahoo.com",
    "finance.yahoo.com",
    "fred.stlouisfed.org",
    STREAM,
)
CRUMB = "crumb.of/the-stand.in"
COOKIE = "d=stand-in"
HTML = "<html><body>Sorry, we will be right back</body></html>"


class Yahoo:
    """One stand-in. `faults` are used up one by charts that are asked for; `fault` is for all of them."""

    def __init__(self, folder: Path) -> None:
        self._streams: list[ServerConnection] = []
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self.reset()
        authority = trustme.CA()
        self.certificates = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.certificates))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(self._tls)
        self._https = _Https(self)
        self._https.socket = self._tls.wrap_socket(self._https.socket, server_side=True)
        self._stream = serve(self._on_stream, "127.0.0.1", 0, ssl=self._tls)
        self._proxy = _Proxy(self)
        self._threads = [
            threading.Thread(target=server.serve_forever, daemon=True)
            for server in (self._https, self._stream, self._proxy)
        ]
        for thread in self._threads:
            thread.start()

    def reset(self) -> None:
        """Forget every script: the servers stay."""
        self.series: dict[str, Series] = {}
        self.faults: deque[str] = deque()
        self.fault = ""  # 429, 500, html, empty, fields, slow
        self.offline = False  # the network is gone: no connection gets anywhere
        self.no_stream = False
        self.cpi: str | None = None  # FRED's CSV
        self.asked: Counter[str] = Counter()
        self.subscribed: list[str] = []
        self.subscriptions = 0  # heartbeats included

    def environment(self) -> dict[str, str]:
        """What a process needs to reach this Yahoo."""
        proxy = f"http://127.0.0.1:{self._proxy.server_address[1]}"
        names = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
        bundle = dict.fromkeys(names, str(self.certificates))
        return {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": "", "no_proxy": "", **bundle}

    def port_of(self, host: str) -> int:
        """Where the proxy connects to instead of a host."""
        return int(self._stream.socket.getsockname()[1] if host == STREAM else self._https.server_address[1])

    def close(self) -> None:
        self.cut()
        for server in (self._https, self._stream, self._proxy):
            server.shutdown()
        self._https.server_close()
        self._proxy.server_close()
        for thread in self._threads:
            thread.join(5)

    # The script.

    def wait_for_stream(self) -> None:
        """Until somebody has subscribed to quotes."""
        until(lambda: self._streams and self.subscribed, "a subscription to quotes", 90)

    def send(self, symbol: str, price: float, time_ms: int, **fields: Any) -> None:
        """One quote to everybody who is connected. market_hours is 1, regular trade, unless it is given."""
        from yfinance.pricing_pb2 import PricingData

        quote = PricingData(id=symbol, price=price, time=time_ms, **{"market_hours": 1, **fields})
        self.send_raw(
            json.dumps({"type": "pricing", "message": base64.b64encode(quote.SerializeToString()).decode()})
        )

    def send_raw(self, text: str) -> None:
        """Anything, as a WebSocket message."""
        with self._lock:
            streams = list(self._streams)
        for one in streams:
            one.send(text)

    def hang_up(self) -> None:
        """Close the streams in good order, as Yahoo does now and then."""
        with self._lock:
            streams, self._streams, self.subscribed = list(self._streams), [], []
        for one in streams:
            one.close()

    def cut(self) -> None:
        """The network is lost in the middle: every connection is reset."""
        with self._lock:
            streams, self._streams, self.subscribed = list(self._streams), [], []
            connections, self._open = list(self._open), []
        for one in connections:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for stream in streams:
            with contextlib.suppress(OSError, ConnectionClosed):
                stream.socket.shutdown(socket.SHUT_RDWR)

    # The servers.

    def _on_stream(self, stream: ServerConnection) -> None:
        try:
            for message in stream:
                said = json.loads(message)
                self.subscriptions += 1
                with self._lock:
                    if stream not in self._streams:
                        self._streams.append(stream)
                    self.subscribed = sorted(said["subscribe"])
        except (ConnectionClosed, OSError):
            pass

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.append(connection)

    def chart(self, symbol: str, query: dict[str, list[str]]) -> tuple[int, str, str]:
        """Status, content type and body."""
        fault = self.faults.popleft() if self.faults else self.fault
        if fault == "429":
            return 429, "text/plain", "Too Many Requests"
        if fault == "500":
            return 500, "text/html", HTML
        if fault == "html":
            return 200, "text/html", HTML
        series = self.series.get(symbol)
        if series is None:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, "application/json", json.dumps({"chart": {"result": None, "error": error}})
        if fault == "slow":
            time.sleep(0.3)
        length_s = {"1d": 86_400, "5d": 5 * 86_400}.get(query.get("range", [""])[0], 400 * 86_400)
        newest = max([*series.daily, *series.minutes])
        begin = float(query["period1"][0]) if "period1" in query else newest - length_s
        end = float(query["period2"][0]) if "period2" in query else newest + 86_400
        if end > newest + 86_400:  # the script's now is not the machine's
            begin, end = begin - (end - newest - 86_400), newest + 86_400.0
        answer = series.chart(query["interval"][0], begin, end)
        result = answer["chart"]["result"][0]
        if fault == "empty":
            result |= {"timestamp": [], "indicators": {"quote": [{}]}}
        if fault == "fields":
            result["indicators"] = {"quotes": result["indicators"]["quote"]}
        return 200, "application/json", json.dumps(answer)


class _Https(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, yahoo: Yahoo) -> None:
        self.yahoo = yahoo
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the script."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Https

    def do_GET(self) -> None:  # the standard library's name
        yahoo, host = self.server.yahoo, self.headers["Host"].split(":")[0]
        url = urlsplit(self.path)
        yahoo.asked[host + url.path] += 1
        query = parse_qs(url.query)
        has_cookie = COOKIE in (self.headers["Cookie"] or "")
        if host == "fc.yahoo.com":
            expires = "Expires=Fri, 01 Jan 2100 00:00:00 GMT"
            cookie = f"A3={COOKIE}; {expires}; Domain=.yahoo.com; Path=/; Secure"
            self._answer(404, "text/html", HTML, {"Set-Cookie": cookie})
        elif url.path == "/v1/test/getcrumb":
            limited = yahoo.fault == "429"
            body = "Too Many Requests" if limited else CRUMB if has_cookie else ""
            self._answer(429 if limited else 200 if has_cookie else 401, "text/plain", body)
        elif url.path.startswith("/v8/finance/chart/"):
            if query.get("crumb", [CRUMB]) != [CRUMB]:
                self._answer(401, "application/json", '{"finance": {"error": {"code": "Unauthorized"}}}')
                return
            self._answer(*yahoo.chart(unquote(url.path.rsplit("/", 1)[1]), query))
        elif host == "fred.stlouisfed.org" and yahoo.cpi is not None:
            self._answer(200, "text/csv", yahoo.cpi)
        else:
            self._answer(404, "text/html", HTML)

    do_POST = do_GET  # noqa: N815  # as above

    def _answer(self, status: int, kind: str, body: str, headers: dict[str, str] | None = None) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Tests read what was asked from `asked`."""


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, yahoo: Yahoo) -> None:
        self.yahoo = yahoo
        super().__init__(("127.0.0.1", 0), _Tunnel)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As above."""


class _Tunnel(socketserver.StreamRequestHandler):
    rbufsize = 0
    server: _Proxy

    def handle(self) -> None:
        yahoo = self.server.yahoo
        host = self.rfile.readline().decode().split()[1].split(":")[0]
        while self.rfile.readline().strip():
            pass
        if yahoo.offline or host not in HOSTS or (yahoo.no_stream and host == STREAM):
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", yahoo.port_of(host))) as server:
            yahoo.opened(self.connection)
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            both = [self.connection, server]
            while True:
                for one in select.select(both, [], [])[0]:
                    data = one.recv(65_536)
                    if not data:
                        return
                    both[1 - both.index(one)].sendall(data)


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[Yahoo]:
    """A Yahoo for as long as the block runs."""
    yahoo = Yahoo(folder)
    try:
        yield yahoo
    finally:
        yahoo.close()
