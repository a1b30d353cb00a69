"""The routes of the shop's own systems are imported late, and answer as if they had been there from the start."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.util import find_spec

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from checkout_daemon.web import api_routes
from checkout_daemon.web.api_routes import ROUTES
from checkout_daemon.web.late_routes import LateRoutes
from checkout_daemon.web.routes import API_MODULE, API_PREFIXES

LATE = ("checkout_daemon.web.api_routes", "checkout_daemon.orders.order_feed", "checkout_daemon.proposals.deciding")
"""What a daemon imports once it is ready: its start takes as long as its imports."""

NOT_FOUND, WRONG_METHOD, SERVER_ERROR = 404, 405, 500


def test_the_daemon_is_ready_without_them() -> None:
    assert all(find_spec(name) for name in LATE)
    program = (
        "import sys, checkout_daemon.serve, checkout_daemon.worker; "
        f"print(*[name for name in {LATE} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_every_route_of_the_module_is_below_one_of_the_paths() -> None:
    for route in ROUTES:
        assert [path for path in API_PREFIXES if LateRoutes(path, API_MODULE).raw_match(route.path)], route.path


@pytest.mark.parametrize("path", ["/api/orders-export", "/api/order", "/api/ordersx/1", "/", ""])
def test_only_a_whole_part_of_a_path_is_a_match(path: str) -> None:
    assert not LateRoutes("/api/orders", API_MODULE).raw_match(path)


async def test_the_first_requests_may_come_at_once() -> None:
    app = web.Application()
    for path in API_PREFIXES:
        app.router.register_resource(LateRoutes(path, API_MODULE))

    @web.middleware
    async def name(request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = request.match_info.http_exception
        if fault is not None:
            return web.Response(status=fault.status, headers={"Allow": fault.headers.get("Allow", "")})
        return web.json_response([request.match_info.handler.__name__, dict(request.match_info)])

    app.middlewares.append(name)
    asked = [
        ("GET", "/api/orders", "get_orders", {}),
        ("GET", "/api/orders/7", "get_shop_order", {"order": "7"}),
        ("POST", "/api/orders/7/refunds", "post_refund", {"order": "7"}),
        ("POST", "/api/proposals/3/reject", "post_reject", {"proposal": "3"}),
    ]
    async with TestClient(TestServer(app)) as client:
        answers = await asyncio.gather(*(client.request(method, path) for method, path, *_ in asked))
        assert [await answer.json() for answer in answers] == [[handler, match] for *_, handler, match in asked]
        assert (await client.head("/api/orders/7")).status == 200
        wrong = await client.delete("/api/orders/7")
        assert (wrong.status, wrong.headers["Allow"]) == (WRONG_METHOD, "GET,HEAD")
        for path in ("/api/orders/seven", "/api/orders/7/", "/api/ordersx", "/api/proposals"):
            assert (await client.get(path)).status == NOT_FOUND, path


async def test_an_import_that_failed_is_tried_again() -> None:
    app = web.Application()
    app.router.register_resource(LateRoutes("/api/orders", "checkout_daemon.web.absent_routes"))
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/api/orders")).status == SERVER_ERROR
        sys.modules["checkout_daemon.web.absent_routes"] = api_routes
        try:
            assert (await client.delete("/api/orders")).status == WRONG_METHOD
        finally:
            del sys.modules["checkout_daemon.web.absent_routes"]
