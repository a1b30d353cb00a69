"""What a route is, and how it is added to a router."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from checkout_daemon.errors import CheckoutError, MalformedJson, ServerBusy
from checkout_daemon.web.failures import BodyTimeout, BodyTooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from checkout_daemon.tokens.api_tokens import Scope

Failure = type[CheckoutError]

BODY: tuple[Failure, ...] = (MalformedJson, BodyTimeout, BodyTooLarge, UnsupportedMediaType, ServerBusy)
"""The failures of every route that reads a body."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route. `answers` maps a status to the body's type, or to a content type if the body is not JSON, or to None."""

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    answers: Mapping[int, type[msgspec.Struct] | str | None]
    body: type[msgspec.Struct] | None = None
    failures: tuple[Failure, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)  # the request headers that it reads, and what they mean
    scope: Scope | None = None  # that the bearer token must have
    query: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # the parameters, with their JSON schemas


def add_all(routes: Iterable[Route], router: web.UrlDispatcher) -> None:
    """Add routes to a router. GET routes also answer HEAD."""
    for route in routes:
        resource = router.add_resource(route.path)
        for method in (route.method, "HEAD") if route.method == "GET" else (route.method,):
            resource.add_route(method, route.handler, expect_handler=_expect)


async def _expect(request: web.Request) -> None:
    """Do not send 100 Continue yet: whoever reads the body does, and a refused body is never asked for."""
