"""A raw request is what the SDK's method sends, and fails as it does; only the SDK's objects are not made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from checkout_daemon.errors import CheckoutError
from checkout_daemon.stripe_api.client import Fetched, StripeGateway

PATH = "/v1/checkout/sessions"
PARAMETERS: dict[str, Any] = {
    "mode": "payment",
    "line_items": [
        {"quantity": 2, "price_data": {"currency": "eur", "product_data": {"name": "Tüte & Co [2]"}}},
        {"quantity": 1, "price_data": {"currency": "eur", "product_data": {"name": "x", "metadata": {"sku": "A-1"}}}},
    ],
    "adaptive_pricing": {"enabled": False},
    "discounts": [{"coupon": "co-1"}],
    "metadata": {"order_id": "o", "attempt": "1"},
    "expires_at": 1_790_000_000,
}


class Recorder:
    """Stripe's end of the wire: answers every request alike, or not at all with status 0."""

    def __init__(self) -> None:
        self.status, self.body = 200, '{"id": "cs_1", "object": "checkout.session"}'
        self.requests: list[tuple[str, str, bytes, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs, await request.read(), dict(request.headers)))
        if self.status == 0:
            assert request.transport is not None
            request.transport.close()
        return web.Response(
            status=self.status or 200,
            text=self.body,
            content_type="application/json",
            headers={"Request-Id": "req_1", "Date": "Sat, 28 Nov 2026 12:00:00 GMT"},
        )


@pytest.fixture
async def wire() -> AsyncIterator[tuple[Recorder, StripeGateway]]:
    recorder = Recorder()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", recorder.handle)
    server = TestServer(app)
    await server.start_server()
    gateway = StripeGateway("sk_test_posting0123456789", str(server.make_url("")).rstrip("/"))
    yield recorder, gateway
    await gateway.close()
    await server.close()


async def both(recorder: Recorder, gateway: StripeGateway) -> list[tuple[Any, Any]]:
    """Return what was sent and what came of it, by the SDK's method and by a raw request."""
    found = []
    for raw in (False, True):
        recorder.requests.clear()
        result: Fetched | tuple[type[CheckoutError], str]
        try:
            if raw:
                result = await gateway.post("checkout.sessions.create", PATH, PARAMETERS, idempotency_key="o:1")
            else:
                options = {"idempotency_key": "o:1"}
                result = await gateway.request("checkout.sessions.create", params=PARAMETERS, options=options)
        except CheckoutError as error:
            result = (type(error), error.detail)
        found.append((list(recorder.requests), result))
    return found


async def test_the_same_bytes_and_headers_are_sent_and_the_same_answer_is_read(
    wire: tuple[Recorder, StripeGateway],
) -> None:
    recorder, gateway = wire
    by_method, by_path = await both(recorder, gateway)
    assert by_method == by_path
    (sent,) = by_path[0]
    assert (sent[0], sent[1], sent[3]["Idempotency-Key"]) == ("POST", PATH, "o:1")
    assert by_path[1].object["id"] == "cs_1"
    assert by_path[1].observed_at.isoformat() == "2026-11-28T12:00:00+00:00"


@pytest.mark.parametrize("status", [0, 400, 401, 402, 403, 404, 409, 429, 500, 503])
async def test_it_is_retried_and_fails_alike(wire: tuple[Recorder, StripeGateway], status: int) -> None:
    recorder, gateway = wire
    recorder.status, recorder.body = (
        status,
        '{"error": {"type": "invalid_request_error", "message": "no", "code": "c"}}',
    )
    by_method, by_path = await both(recorder, gateway)
    assert by_method == by_path
    assert len(by_path[0]) == (3 if status in (0, 409, 500, 503) else 1)


@pytest.mark.parametrize("body", ["", "not JSON", "null", "[]", '{"id": 5}'])
async def test_an_answer_that_is_no_session_fails_alike(wire: tuple[Recorder, StripeGateway], body: str) -> None:
    recorder, gateway = wire
    recorder.body = body
    by_method, by_path = await both(recorder, gateway)
    assert by_method == by_path
    assert not isinstance(by_path[1], Fetched)


async def test_the_sdk_makes_no_objects_of_an_answer(
    wire: tuple[Recorder, StripeGateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder, gateway = wire
    recorder.body = (
        '{"object": "list", "data": [{"id": "evt_1", "data": {"object": {"id": "pi_1"}}}], "has_more": false}'
    )
    monkeypatch.setattr("stripe._api_requestor._convert_to_stripe_object", lambda **_: pytest.fail("it did"))
    fetched = await gateway.request("events.list", params={"limit": 100, "types": ["charge.succeeded"]})
    assert fetched.object["data"] == [{"id": "evt_1", "data": {"object": {"id": "pi_1"}}}]
    ((method, path, *_),) = recorder.requests
    assert (method, unquote(path)) == ("GET", "/v1/events?limit=100&types[0]=charge.succeeded")
