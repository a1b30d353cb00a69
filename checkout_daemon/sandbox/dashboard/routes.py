"""Serve the page, its data, its actions, and a stream of changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from importlib import resources
from typing import Any

from aiohttp import web

from checkout_daemon.sandbox.box import Box, Origin
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.dashboard.actions import act, read_given
from checkout_daemon.sandbox.dashboard.hiding import hide_secrets
from checkout_daemon.sandbox.dashboard.list_queries import ListQuery
from checkout_daemon.sandbox.dashboard.lists import LISTS
from checkout_daemon.sandbox.dashboard.object_views import THINGS
from checkout_daemon.sandbox.dashboard.overview import read_counts, read_receivers, read_types
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.guard import check_host, check_origin

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STATIC = resources.files(__package__).joinpath("static")
_FILES = {
    "/": ("page.html", "text/html"),
    "/favicon.ico": ("icon.svg", "image/svg+xml"),
    "/sandbox/dashboard.css": ("dashboard.css", "text/css"),
    **{
        f"/sandbox/{file.name}": (file.name, "text/javascript")
        for file in _STATIC.iterdir()
        if file.name.endswith(".js")
    },
}
_LOOK_SECONDS = 0.2
_BEAT_SECONDS = 10.0
_LONGEST_NUMBER = 18


def add_dashboard(app: web.Application, box: Box) -> None:
    """Add the routes. Streams end when the app shuts down."""
    dashboard = Dashboard(box)
    for path, (name, kind) in _FILES.items():
        app.router.add_get(path, _static(box, name, kind))
    app.router.add_get("/sandbox/api/changes", dashboard.changes)
    app.router.add_get("/sandbox/api/overview", dashboard.overview)
    app.router.add_post("/sandbox/api/act/{name}", dashboard.act)
    app.router.add_get("/sandbox/api/{list}", dashboard.rows)
    app.router.add_get("/sandbox/api/{list}/{id}", dashboard.thing)
    app.on_shutdown.append(dashboard.stop)


def _static(box: Box, name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler of a file of the page, which is read at start."""
    text = _STATIC.joinpath(name).read_text(encoding="utf-8")

    async def show(request: web.Request) -> web.Response:
        check_host(request, box)
        return web.Response(text=text, content_type=kind, headers=_HEADERS)

    return show


class Dashboard:
    """The handlers of the page's data, actions and changes."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.stopping = asyncio.Event()

    async def stop(self, _: web.Application) -> None:
        """End the streams of changes."""
        self.stopping.set()

    async def overview(self, request: web.Request) -> web.Response:
        """Return what every view shows: the clock, planned trouble, counts, and event receivers."""
        check_origin(request, self.box)
        return _json(
            {
                "now": now(),
                "offset": self.box.storage.clock.offset,
                "trouble": asdict(self.box.trouble),
                "troubled": self.box.trouble.on,
                "types": read_types(self.box),
                "counts": read_counts(self.box),
                "receivers": [asdict(receiver) for receiver in read_receivers(self.box)],
            }
        )

    async def rows(self, request: web.Request) -> web.Response:
        """Answer a page of a list."""
        check_origin(request, self.box)
        name = request.match_info["list"]
        if name not in LISTS:
            return _error("This list does not exist.", 404)
        given = request.query
        query = ListQuery(
            _number(given, "before"),
            _number(given, "down_to"),
            given.get("search", "").strip(),
            given.get("only", ""),
            given.get("type", ""),
        )
        return _json(asdict(LISTS[name](self.box, query)))

    async def thing(self, request: web.Request) -> web.Response:
        """Answer the detail view of an object."""
        check_origin(request, self.box)
        name = request.match_info["list"]
        thing = THINGS[name](self.box, request.match_info["id"]) if name in THINGS else None
        if thing is None:
            return _error("This object does not exist. It may have been deleted or belong to another sandbox.", 404)
        return _json(asdict(thing))

    async def act(self, request: web.Request) -> web.Response:
        """Run an action. It takes JSON only, which no foreign page can send without a preflight request."""
        check_origin(request, self.box)
        if request.content_type != "application/json":
            return _error("Send JSON with the content type application/json.", 415)
        self.box.origin = Origin(base_url=str(request.url.origin()))
        try:
            message = act(self.box, request.match_info["name"], read_given(await _body(request)))
        except ApiError as error:
            return _error(str(error), error.status)
        return _json({"message": message})

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """Stream a server-sent event after every change, and a comment now and then to keep the connection open."""
        check_origin(request, self.box)
        stream = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await stream.prepare(request)
        seen, quiet = -1, 0.0
        while not self.stopping.is_set() and request.transport is not None and not request.transport.is_closing():
            changes = self.box.storage.connection.total_changes
            if changes != seen:
                seen, quiet = changes, 0.0
                await stream.write(b"data: %d\n\n" % changes)
            elif quiet >= _BEAT_SECONDS:
                quiet = 0.0
                await stream.write(b": still here\n\n")
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self.stopping.wait()
            except TimeoutError:
                quiet += _LOOK_SECONDS
        return stream


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise ApiError("The body is not JSON.") from error


def _number(query: Mapping[str, str], name: str) -> int | None:
    given = query.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= _LONGEST_NUMBER else None


def _json(value: Any) -> web.Response:
    text = json.dumps(hide_secrets(value))
    return web.Response(text=text, content_type="application/json", headers=_HEADERS)


def _error(message: str, status: int) -> web.Response:
    text = json.dumps({"error": hide_secrets(message)})
    return web.Response(text=text, status=status, content_type="application/json", headers=_HEADERS)
