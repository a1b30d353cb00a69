"""Answer frequent requests without aiohttp's router and middleware, which cost more than the answers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from checkout_daemon.web.edge import Edge, guard

DirectHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

DIRECT = web.AppKey("direct", Mapping[tuple[str, str], DirectHandler])
"""By method and path, exactly as sent. The router has these routes too, for every other spelling of the request."""

Send = Callable[[web.BaseRequest, str], web.StreamResponse]
"""Makes the answer to a request with this id, headers and all."""


def direct(
    edge: Edge, method: str, path: str, find: Callable[[web.BaseRequest], Awaitable[Send]]
) -> tuple[tuple[str, str], DirectHandler]:
    """Return an entry of DIRECT. It answers as the route's own handler does, at a smaller cost."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        started = time.perf_counter()
        request_id = edge.new_request_id()
        found = await guard(find, request)
        if isinstance(found, web.Response):
            response: web.StreamResponse = found
            edge.finish(response, request_id)
        else:
            response = found(request, request_id)
        edge.count(path, method, response.status, started)
        return response

    return (method, path), answer
