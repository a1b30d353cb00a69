"""A websocket of the CLI: events go out, their outcome comes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

_ANSWER_SECONDS = 35.0  # the CLI waits 30 s for the program that it forwards to
_SEND_SECONDS = 10.0


class SocketLost(Exception):
    """The websocket closed before the CLI reported the outcome of the event."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The answer of the program that the CLI forwards to. `status` is None without one, or without a report."""

    status: int | None = None
    url: str | None = None
    body: str | None = None
    shown: bool = False
    """Whether the CLI only shows events and forwards them to nobody."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    outcome: asyncio.Future[Forwarded]
    acknowledged: Callable[[], None]


@dataclass(slots=True)
class Socket:
    """An open websocket. It waits for the outcome of every event that it forwards."""

    stream: web.WebSocketResponse
    forwards: bool
    waiting: dict[str, _Waiting] = field(default_factory=dict)

    async def forward(
        self, conversation: str, frames: Iterable[dict[str, Any]], acknowledged: Callable[[], None]
    ) -> Forwarded:
        """Send the frames of an event and wait for its outcome: the CLI forwards one of them and answers once.

        `acknowledged` is called for each frame that the CLI took before it answered. Raise SocketLost.
        """
        future: asyncio.Future[Forwarded] = asyncio.get_running_loop().create_future()
        self.waiting[conversation] = _Waiting(future, acknowledged)
        try:
            for frame in frames:
                await self.push(frame)
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await future
        except TimeoutError:
            return Forwarded()
        finally:
            self.waiting.pop(conversation, None)

    async def push(self, frame: dict[str, Any]) -> None:
        """Send a frame. Raise SocketLost."""
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await self.stream.send_str(json.dumps(frame))
        except (ConnectionError, TimeoutError, RuntimeError) as error:
            raise SocketLost(str(error)) from error

    async def read(self) -> None:
        """Read the CLI's messages until it disconnects."""
        try:
            async for message in self.stream:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data)
        finally:
            for waiting in self.waiting.values():
                if not waiting.outcome.done():
                    waiting.outcome.set_exception(SocketLost("the CLI's websocket ended"))

    async def close(self, code: int = WSCloseCode.SERVICE_RESTART) -> None:
        """Close the websocket, which may be closed already."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.stream.close(code=code)

    def _take(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        waiting = self.waiting.get(str(message.get("webhook_conversation_id"))) if isinstance(message, dict) else None
        if waiting is None or waiting.outcome.done():
            return
        if message.get("type") == "event_ack":
            waiting.acknowledged()
            if not self.forwards:
                waiting.outcome.set_result(Forwarded(shown=True))
                return
        status = message.get("status")
        if message.get("type") == "webhook_response" and isinstance(status, int):
            url, body = message.get("forward_url"), message.get("body")
            waiting.outcome.set_result(Forwarded(status, url and str(url), body and str(body)))
