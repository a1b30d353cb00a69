"""The CLI's websocket, and the log lines that `stripe logs tail` watches."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import web

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.sockets import Socket, SocketLost
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.stripecli.listeners import SESSION, mark_connected, mark_disconnected

_PROTOCOL = "stripecli-devproxy-v1"
_LARGEST_FRAME = 64 * 1024 * 1024
_ERROR_FIELDS = ("type", "charge", "code", "decline_code", "message", "param")


def add_websocket(app: web.Application, box: Box) -> None:
    """Add the route, and close every websocket when the sandbox stops."""
    app.router.add_get("/subscribe/{account}", CliSockets(box).subscribe)

    async def close_all(_: web.Application) -> None:
        await asyncio.gather(*(socket.close() for socket in list(box.sockets.values())))

    app.on_shutdown.append(close_all)


class CliSockets:
    """The handler of the CLI's websockets."""

    def __init__(self, box: Box) -> None:
        self.box = box

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """Serve the websocket of a session until it closes. A new one replaces the session's older one."""
        session_id = request.headers.get("Websocket-Id", "")
        session = self.box.storage.find(session_id, SESSION)
        if session is None:
            # With this message the CLI creates a new session.
            return web.json_response({"error": {"message": "Unknown WebSocket ID."}}, status=401)
        stream = web.WebSocketResponse(protocols=(_PROTOCOL,), max_msg_size=_LARGEST_FRAME, compress=False)
        await stream.prepare(request)
        socket = Socket(stream, forwards=bool(session.body["forward_to_url"]))
        if (older := self.box.sockets.get(session_id)) is not None:
            await older.close()
        self.box.sockets[session_id] = socket
        mark_connected(self.box, session)
        try:
            await socket.read()
        finally:
            if self.box.sockets.get(session_id) is socket:
                del self.box.sockets[session_id]
                if not self.box.closed:
                    mark_disconnected(self.box, session_id)
        return stream


async def send_to_watchers(box: Box, line: dict[str, Any]) -> None:
    """Send a line of the request log to all who tail it."""
    for session_id, socket in list(box.sockets.items()):
        session = box.storage.find(session_id, SESSION)
        if session is None or "request_logs" not in session.body["websocket_features"] or not _wanted(session, line):
            continue
        frame = {
            "type": "request_log_event",
            "request_log_id": new_id("resp_"),
            "event_payload": json.dumps(line),
        }
        with contextlib.suppress(SocketLost):
            await socket.push(frame)


def log_line(
    request_id: str, at: float, method: str, path: str, status: int, error: dict[str, Any] | None
) -> dict[str, Any]:
    """Return a line as the CLI reads it: every field of an error is a text."""
    shown = {name: str((error or {}).get(name) or "") for name in _ERROR_FIELDS} if error else {}
    return {
        "created_at": int(at),
        "livemode": False,
        "method": method,
        "request_id": request_id,
        "status": status,
        "url": path,
        "error": shown,
    }


def _wanted(session: Stored, line: dict[str, Any]) -> bool:
    """Return whether a watcher's filters match the line. The CLI leaves filtering to the server."""
    status = int(line["status"])
    facts = {
        "filter_http_method": str(line["method"]),
        "filter_request_path": str(line["url"]),
        "filter_request_status": "SUCCEEDED" if status < 400 else "FAILED",
        "filter_status_code": str(status),
        "filter_status_code_type": str(status // 100 * 100),
        "filter_source": "API",
        "filter_account": "SELF",
        "filter_ip_address": "127.0.0.1",
    }
    for name, wanted in session.body["filters"].items():
        values = wanted if isinstance(wanted, list) else [wanted]
        texts = [str(value).upper() for value in values]
        if name in facts and texts and facts[name].upper() not in texts:
            return False
    return True
