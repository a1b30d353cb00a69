"""The official Python SDK against the sandbox, sync and async: its handling of answers, errors and trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer, unused_port

from checkout_daemon.sandbox.app import BOX
from tests.sandbox.conftest import KEY, Receiver
from tests.support.flaky_stripe import FlakyStripe, Request, Trouble
from tests.support.serving import until

SESSION: dict[str, Any] = {
    "mode": "payment",
    "success_url": "https://shop.example/ok",
    "line_items": [
        {
            "quantity": 1,
            "price_data": {"currency": "usd", "unit_amount": 2000, "product_data": {"name": "Mug"}},
        }
    ],
}


@dataclass(frozen=True)
class Sdk:
    """A client, used either sync or async."""

    client: stripe.StripeClient
    asynchronous: bool

    async def __call__(self, name: str, *args: Any, **more: Any) -> Any:
        """Call a method such as `checkout.sessions.create`."""
        *path, method = f"v1.{name}".split(".")
        service: Any = self.client
        for part in path:
            service = getattr(service, part)
        if self.asynchronous:
            return await getattr(service, f"{method}_async")(*args, **more)
        return await asyncio.to_thread(partial(getattr(service, method), *args, **more))

    async def read_all(self, page: Any) -> list[str]:
        """Return the ids on this page and all following ones."""
        if self.asynchronous:
            return [item.id async for item in page.auto_paging_iter()]
        return await asyncio.to_thread(lambda: [item.id for item in page.auto_paging_iter()])


Opened = Callable[..., Sdk]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the SDK's waits: it waits at least half a second before a retry."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.1)


@pytest.fixture(params=["async", "sync"])
async def connect_sdk(request: pytest.FixtureRequest, server: TestServer) -> AsyncIterator[Opened]:
    opened: list[Any] = []
    asynchronous = request.param == "async"

    def connect(base: str = str(server.make_url("")).rstrip("/"), *, key: str = KEY, retries: int = 0) -> Sdk:
        http: Any = stripe.AIOHTTPClient(timeout=10) if asynchronous else stripe.RequestsClient(timeout=10)
        opened.append(http)
        client = stripe.StripeClient(key, http_client=http, max_network_retries=retries, base_addresses={"api": base})
        return Sdk(client, asynchronous)

    yield connect
    for http in opened:
        if asynchronous:
            await http.close_async()


@pytest.fixture
def sdk(connect_sdk: Opened) -> Sdk:
    return connect_sdk()


async def trouble(server: TestServer, **planned: Any) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.make_url("/sandbox/chaos"), json=planned) as answer,
    ):
        assert answer.status == 200, await answer.text()


def count(server: TestServer, kind: str) -> int:
    return len(server.app[BOX].storage.select(kind))


def made(server: TestServer, kind: str = "product") -> list[str]:
    """Return all objects of a kind, whatever the client was answered."""
    return [item.id for item in server.app[BOX].storage.select(kind)]


async def test_a_session_is_created_read_listed_and_expired(sdk: Sdk) -> None:
    created = await sdk("checkout.sessions.create", params=SESSION)
    assert isinstance(created, stripe.checkout.Session)
    read = await sdk("checkout.sessions.retrieve", created.id, params={"expand": ["line_items.data.price.product"]})
    assert (read.line_items.data[0].price.product.name, read.amount_total) == ("Mug", 2000)
    page = await sdk("checkout.sessions.list", params={"status": "open"})
    assert [item.id for item in page.data] == [created.id]
    expired = await sdk("checkout.sessions.expire", created.id)
    assert (expired.status, expired.last_response.code) == ("expired", 200)
    assert expired.last_response.request_id.startswith("req_")


async def test_253_objects_are_read_page_by_page(sdk: Sdk, server: TestServer) -> None:
    for start in range(0, 253, 23):
        names = [f"P{number}" for number in range(start, start + 23)]
        await asyncio.gather(*(sdk("products.create", params={"name": name}) for name in names))
    page = await sdk("products.list", params={"limit": 100})
    assert (len(page.data), page.has_more) == (100, True)
    seen = await sdk.read_all(page)
    assert seen == made(server)
    assert len(set(seen)) == 253


# Idempotency


async def test_the_same_key_answers_the_same_object(sdk: Sdk, server: TestServer) -> None:
    options = {"idempotency_key": "order-7"}
    first = await sdk("checkout.sessions.create", params=SESSION, options=options)
    again = await sdk("checkout.sessions.create", params=SESSION, options=options)
    assert (again.id, again.last_response.headers["Idempotent-Replayed"]) == (first.id, "true")
    assert made(server, "checkout.session") == [first.id]


async def test_the_same_key_for_something_else_is_refused(sdk: Sdk, server: TestServer) -> None:
    options = {"idempotency_key": "order-7"}
    await sdk("products.create", params={"name": "A"}, options=options)
    with pytest.raises(stripe.IdempotencyError) as caught:
        await sdk("products.create", params={"name": "B"}, options=options)
    assert caught.value.http_status == 400
    assert len(made(server)) == 1


async def test_a_key_in_use_is_waited_for(connect_sdk: Opened, server: TestServer) -> None:
    _, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(
        f"POST /v1/products HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer {KEY}\r\n"
        "Idempotency-Key: k\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 6\r\n\r\nname".encode()
    )
    await writer.drain()
    conflicts = "SELECT count(*) FROM requests WHERE status = 409"
    storage = server.app[BOX].storage
    patient = connect_sdk(retries=40)
    task = asyncio.create_task(patient("products.create", params={"name": "A"}, options={"idempotency_key": "k"}))
    await until(lambda: storage.connection.execute(conflicts).fetchone()[0] >= 2)
    assert not task.done()
    writer.write(b"=A")
    await writer.drain()
    answered = await task
    assert made(server) == [answered.id]
    writer.close()


# Errors


async def test_invalid_request(sdk: Sdk) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await sdk("checkout.sessions.create", params={**SESSION, "mode": "x"})
    assert (caught.value.http_status, caught.value.param) == (400, "mode")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await sdk("checkout.sessions.retrieve", "cs_test_no")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert str(caught.value.request_id).startswith("req_")


async def test_authentication(connect_sdk: Opened) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        await connect_sdk(key="sk_live_123456789012")("balance.retrieve")
    assert caught.value.http_status == 401


async def test_card(sdk: Sdk) -> None:
    params = {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_chargeDeclined"}
    params["return_url"] = "https://shop.example/back"
    with pytest.raises(stripe.CardError) as caught:
        await sdk("payment_intents.create", params=params)
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    assert caught.value.error is not None
    assert caught.value.error.payment_intent is not None


async def test_permission(sdk: Sdk) -> None:
    with pytest.raises(stripe.PermissionError) as caught:
        await sdk("products.create", params={"name": "P"}, options={"stripe_account": "acct_1SomebodyElse"})
    assert caught.value.error is not None
    assert (caught.value.http_status, caught.value.error.code) == (403, "account_invalid")


async def test_rate_limit(sdk: Sdk, server: TestServer) -> None:
    await trouble(server, rate_limit=1)
    outcomes = await asyncio.gather(
        *(sdk("products.create", params={"name": "P"}) for _ in range(4)), return_exceptions=True
    )
    refused = [answer for answer in outcomes if isinstance(answer, stripe.RateLimitError)]
    assert refused
    assert refused[0].http_status == 429
    assert len(made(server)) == 4 - len(refused)


async def test_api_error(sdk: Sdk, server: TestServer) -> None:
    await trouble(server, api_500=100, api_effect="before")
    with pytest.raises(stripe.APIError) as caught:
        await sdk("products.create", params={"name": "P"})
    assert caught.value.http_status == 500
    assert made(server) == []


async def test_connection_error(connect_sdk: Opened, server: TestServer) -> None:
    with pytest.raises(stripe.APIConnectionError):
        await connect_sdk(f"http://127.0.0.1:{unused_port()}")("balance.retrieve")
    await trouble(server, api_drop=100, api_effect="before")
    with pytest.raises(stripe.APIConnectionError):
        await connect_sdk()("balance.retrieve")


async def test_signature_verification(client: stripe.StripeClient, receiver: Receiver) -> None:
    endpoint = await client.v1.webhook_endpoints.create_async(
        params={"url": receiver.url, "enabled_events": ["product.created"]}
    )
    await client.v1.products.create_async(params={"name": "P"})
    await receiver.wait(1, 5)
    headers, body = receiver.got[0]
    signature = headers["Stripe-Signature"]
    event = client.construct_event(body, signature, endpoint.secret or "")
    assert event.type == "product.created"
    for wrong in (body + b" ", body.replace(b"product.created", b"product.deleted")):
        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(wrong, signature, endpoint.secret or "")
    with pytest.raises(stripe.SignatureVerificationError):
        client.construct_event(body, signature, "whsec_another")


# Retries


@pytest.mark.parametrize("effect", ["before", "after"])
@pytest.mark.parametrize("kind", ["api_500", "api_drop"])
async def test_what_is_tried_again_happens_once(
    connect_sdk: Opened, server: TestServer, kind: str, effect: str
) -> None:
    await trouble(server, seed=3, api_effect=effect, **{kind: 50})
    sdk = connect_sdk(retries=12)
    answered = [(await sdk("products.create", params={"name": f"P{number}"})).id for number in range(10)]
    assert made(server) == answered[::-1]
    requests = "SELECT count(*) FROM requests WHERE method = 'POST' AND path = '/v1/products'"
    assert server.app[BOX].storage.connection.execute(requests).fetchone()[0] > 10


@pytest.mark.parametrize(("planned", "tries"), [("lose_request", 3), ("lose_answer", 3)])
async def test_a_network_that_loses_the_first_two_tries(
    connect_sdk: Opened, server: TestServer, planned: Trouble, tries: int
) -> None:
    def plan(number: int, _: Request) -> Trouble | None:
        return planned if number < 2 else None

    proxy = FlakyStripe(str(server.make_url("")).rstrip("/"), plan)
    base = await proxy.start()
    try:
        session = await connect_sdk(base, retries=2)("checkout.sessions.create", params=SESSION)
        assert made(server, "checkout.session") == [session.id]
        asked = proxy.asked("/v1/checkout/sessions")
        assert len(asked) == tries
        assert len({request.idempotency_key for request in asked}) == 1
        assert asked[0].idempotency_key
    finally:
        await proxy.stop()


async def test_a_declined_card_is_not_tried_again(connect_sdk: Opened, server: TestServer) -> None:
    params = {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_chargeDeclined"}
    params["return_url"] = "https://shop.example/back"
    with pytest.raises(stripe.CardError):
        await connect_sdk(retries=5)("payment_intents.create", params=params)
    assert len(made(server, "payment_intent")) == len(made(server, "charge")) == 1


async def test_metadata_rules(sdk: Sdk) -> None:
    fifty = {f"k{number}": "v" for number in range(50)}
    full = await sdk("checkout.sessions.create", params={**SESSION, "metadata": fifty})
    assert len(full.metadata.to_dict()) == 50
    for wrong in ({**fifty, "one": "more"}, {"k" * 41: "v"}, {"k": "v" * 501}):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await sdk("checkout.sessions.create", params={**SESSION, "metadata": wrong})
        assert caught.value.param == "metadata"
    with pytest.raises(stripe.InvalidRequestError):
        await sdk("checkout.sessions.update", full.id, params={"metadata": {"one": "more"}})
    changed = await sdk("checkout.sessions.update", full.id, params={"metadata": {"k0": "", "k1": "new"}})
    assert ("k0" in changed.metadata, changed.metadata["k1"]) == (False, "new")
    longest = {"k" * 40: "v" * 500}
    assert (await sdk("products.create", params={"name": "P", "metadata": longest})).metadata.to_dict() == longest
    cleared = await sdk("checkout.sessions.update", full.id, params={"metadata": ""})
    assert cleared.metadata.to_dict() == {}
