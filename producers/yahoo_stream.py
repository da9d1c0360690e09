"""Yahoo's live quotes: yfinance's WebSocket in a thread of its own, connected again whenever it is lost or silent.

Why not its `listen()`: after a connection that Yahoo has closed in good order it goes round in circles without ever
yielding, and after an error it waits on the dead one for ever (yfinance 1.7). Its heartbeat task ends silently on an
error. So the messages are read here, and whoever hears nothing for `silence_s` while a market is open connects anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import random
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("producers.yahoo")

URL = "wss://streamer.finance.yahoo.com/?version=2"


@dataclass(frozen=True)
class Pace:
    """How patient the feed is, in seconds. Backoff doubles from the first to the last and is jittered by half."""

    connect_s: float = 15.0
    silence_s: float = 45.0  # three heartbeats
    backoff_s: tuple[float, float] = (1.0, 60.0)
    fill_after_s: float = 60.0  # a shorter outage hides no finished minute
    poll_s: float = 60.0  # while there is no stream; Yahoo counts every symbol of a poll as a request
    poll_slowest_s: float = 900.0
    update_after_close_s: float = 1800.0  # Yahoo settles a day's close within half an hour
    update_again_s: float = 600.0

    def backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        first, last = self.backoff_s
        return min(last, first * 2.0 ** min(failures, 30)) * random.uniform(0.5, 1.5)  # noqa: S311


@dataclass(frozen=True)
class Connected:
    """The stream is there, asked for every symbol."""


@dataclass(frozen=True)
class Lost:
    """The stream is gone; another attempt follows."""

    why: str


Quote = dict[str, Any]  # the fields of yfinance's PricingData, by name
Event = Connected | Lost | Quote


class YahooStream:
    """Quotes of some symbols, put into a queue as they come."""

    def __init__(self, symbols: Sequence[str], pace: Pace, expects_quotes: Callable[[], bool]) -> None:
        """expects_quotes : whether any market is open; in a closed one silence is no failure."""
        self._symbols, self._pace, self._expects_quotes = list(symbols), pace, expects_quotes
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="yahoo", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(10)

    def events(self, timeout_s: float) -> list[Event]:
        """What has happened since the last call; waits until something does, but not longer than timeout_s."""
        found: list[Event] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._events.get(timeout=timeout_s))
            while True:
                found.append(self._events.get_nowait())
        return found

    async def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            why = "Yahoo closed the stream"
            socket = _socket()
            try:
                await asyncio.wait_for(socket.subscribe(self._symbols), self._pace.connect_s)
                self._events.put(Connected())
                async for quote in self._quotes(socket):
                    failures = 0
                    self._events.put(quote)
            except Exception as error:  # from sockets, TLS, proxies, the protocol: all mean the same
                why = str(error) or type(error).__name__
            finally:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(socket.close(), self._pace.connect_s)
            if self._stopped.is_set():
                return
            self._events.put(Lost(why))
            pause = self._pace.backoff(failures)
            failures += 1
            log.warning("stream lost: %s; connecting again in %.1f s", why, pause)
            await self._sleep(pause)

    async def _quotes(self, socket: Any) -> AsyncIterator[Quote]:
        """Until the connection ends or is silent for too long."""
        messages = socket.messages()
        silent = 0.0
        step = min(1.0, self._pace.silence_s / 4)
        waiting: asyncio.Task[Quote] | None = None
        try:
            while not self._stopped.is_set():
                waiting = waiting or asyncio.ensure_future(anext(messages))
                done, _ = await asyncio.wait({waiting}, timeout=step)
                if done:
                    silent = 0.0
                    try:
                        yield waiting.result()
                    except StopAsyncIteration:
                        return
                    finally:
                        waiting = None
                    continue
                silent = silent + step if self._expects_quotes() else 0.0
                if silent >= self._pace.silence_s:
                    raise TimeoutError(f"silent for {silent:.0f} s while a market is open")
        finally:
            if waiting is not None:
                waiting.cancel()
                with contextlib.suppress(BaseException):
                    await waiting

    async def _sleep(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while not self._stopped.is_set() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(min(0.1, seconds))


def _socket() -> Any:
    from yfinance import AsyncWebSocket

    class Socket(AsyncWebSocket):  # type: ignore[misc]  # yfinance ships no types
        """yfinance's, whose messages can be read without its loop."""

        async def messages(self) -> AsyncIterator[Quote]:
            """Decoded quotes; {"error": ...} for what could not be decoded."""
            async for message in self._ws:
                try:
                    yield self._decode_message(json.loads(message).get("message", ""))
                except Exception as error:  # not JSON, not base64, not a PricingData
                    yield {"error": repr(error)[:200]}

    return Socket(url=URL, verbose=False)
