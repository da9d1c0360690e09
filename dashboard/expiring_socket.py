"""A WebSocket that ends when the session it was opened in does: otherwise a page looks live that nobody may ask."""

from __future__ import annotations

import asyncio
from typing import Any

POLICY_VIOLATION = 1008


class ExpiringSocket:
    """`receive` and `send` of one socket; after `left_s` seconds both behave as if the browser had gone."""

    def __init__(self, receive: Any, send: Any, left_s: float) -> None:
        self._receive, self._send = receive, send
        self._ends = asyncio.get_running_loop().time() + left_s
        self._over = False

    async def receive(self) -> Any:
        try:
            async with asyncio.timeout_at(self._ends):
                return await self._receive()
        except TimeoutError:
            if not self._over:
                self._over = True
                await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "login"})
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

    async def send(self, message: Any) -> None:
        if not self._over:
            await self._send(message)
