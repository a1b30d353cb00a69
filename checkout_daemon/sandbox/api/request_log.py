"""The log of API requests, for the sandbox's page and for `stripe logs tail`."""

from __future__ import annotations

import json
import time
from typing import Any

from aiohttp import web

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.stripecli.websocket import log_line, send_to_watchers
from checkout_daemon.sandbox.trouble import Strike

_KEPT = 10_000
_PRUNED_EVERY = 500


class RequestLog:
    """The log line of one request."""

    def __init__(self, box: Box, request: web.Request) -> None:
        self.box = box
        self.request = request
        self.request_id = new_id("req_")
        self.at = now()
        self.started = time.perf_counter()

    async def write(self, response: web.Response | None, strike: Strike | None) -> None:
        """Store the line and send it to clients that watch the log. Without a response, nothing was answered."""
        request = self.request
        error = _error(response)
        status = None if response is None else response.status
        cursor = self.box.storage.connection.execute(
            "INSERT INTO requests (id, at, seconds, method, path, status, idempotency_key, error, user_agent, trouble) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.request_id,
                self.at,
                time.perf_counter() - self.started,
                request.method,
                request.path,
                status,
                header(request, "Idempotency-Key"),
                None if error is None else json.dumps(error),
                header(request, "User-Agent"),
                None if strike is None else strike.name,
            ),
        )
        if cursor.lastrowid is not None and cursor.lastrowid % _PRUNED_EVERY == 0:
            self.box.storage.connection.execute("DELETE FROM requests WHERE seq <= ?", (cursor.lastrowid - _KEPT,))
        if self.box.sockets and status is not None:
            line = log_line(self.request_id, self.at, request.method, request.path, status, error)
            await send_to_watchers(self.box, line)


def header(request: web.Request, name: str) -> str | None:
    """Return a header as text that can be stored and shown. Bytes that are not UTF-8 become question marks."""
    given = request.headers.get(name)
    return None if given is None else given.encode("utf-8", "replace").decode()


def _error(response: web.Response | None) -> dict[str, Any] | None:
    if response is None or response.status < 400 or not response.text:
        return None
    error = json.loads(response.text).get("error")
    return error if isinstance(error, dict) else None
