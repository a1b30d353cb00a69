"""A websocket of the CLI: events go out, what became of them comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

_ANSWER_SECONDS = 35.0  # the CLI itself waits 30 s for the program it forwards to
_SEND_SECONDS = 10.0


class SocketLost(Exception):
    """The websocket ended before the CLI told what became of the event."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What the program behind the CLI answered; `status` is None where there is none, or the CLI told nothing."""

    status: int | None = None
    url: str | None = None
    body: str | None = None
    shown: bool = False
    """Taken by a CLI that forwards to nobody, and only shows what comes."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    told: asyncio.Future[Forwarded]
    acknowledged: Callable[[], None]


@dataclass(slots=True)
class Socket:
    stream: web.WebSocketResponse
    forwards: bool
    waiting: dict[str, _Waiting] = field(default_factory=dict)

    async def forward(self, conversation: str, frame: dict[str, Any], acknowledged: Callable[[], None]) -> Forwarded:
        """Push an event and wait for what the CLI says of it; `acknowledged` when it took it. Raises SocketLost."""
        future: asyncio.Future[Forwarded] = asyncio.get_running_loop().create_future()
        self.waiting[conversation] = _Waiting(future, acknowledged)
        try:
            await self.push(frame)
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await future
        except TimeoutError:
            return Forwarded()
        finally:
            self.waiting.pop(conversation, None)

    async def push(self, frame: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self.stream.send_str(json.dumps(frame))
        except (ConnectionError, TimeoutError, RuntimeError) as error:
            raise SocketLost(str(error)) from error

    async def read(self) -> None:
        """Take what the CLI says until it leaves."""
        try:
            async for message in self.stream:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data)
        finally:
            for each in self.waiting.values():
                if not each.told.done():
                    each.told.set_exception(SocketLost("the CLI's websocket ended"))

    async def close(self, code: int = WSCloseCode.SERVICE_RESTART) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.stream.close(code=code)

    def _take(self, text: str) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        waiting = self.waiting.get(str(said.get("webhook_conversation_id"))) if isinstance(said, dict) else None
        if waiting is None or waiting.told.done():
            return
        if said.get("type") == "event_ack":
            waiting.acknowledged()
            if not self.forwards:
                waiting.told.set_result(Forwarded(shown=True))
                return
        status = said.get("status")
        if said.get("type") == "webhook_response" and isinstance(status, int):
            url, body = said.get("forward_url"), said.get("body")
            waiting.told.set_result(Forwarded(status, url and str(url), body and str(body)))
