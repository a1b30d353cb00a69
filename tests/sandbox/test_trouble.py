"""Planned trouble: every kind strikes as planned, reproducibly, and with one effect at most."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.app import BOX, create_app
from checkout_daemon.sandbox.main import SandboxSettings
from tests.sandbox.conftest import AUTHORIZATION, KEY, Receiver
from tests.sandbox.test_clock import advance, control
from tests.support.waiting import until


async def trouble(server: TestServer, **settings: object) -> None:
    status, answer = await control(server, "chaos", settings)
    assert status == 200, answer


async def endpoint(client: stripe.StripeClient, receiver: Receiver) -> stripe.WebhookEndpoint:
    params: Any = {"url": receiver.url, "enabled_events": ["product.created"]}
    return await client.v1.webhook_endpoints.create_async(params=params)


async def products(client: stripe.StripeClient, count: int) -> list[str]:
    made = [await client.v1.products.create_async(params={"name": f"Mug {number}"}) for number in range(count)]
    return [item.id for item in made]


def got(receiver: Receiver) -> list[str]:
    """Return the products in the order of their webhooks."""
    return [json.loads(body)["data"]["object"]["id"] for _, body in receiver.got]


def errors(server: TestServer) -> list[tuple[int | None, str | None, str | None]]:
    rows = server.app[BOX].storage.connection.execute("SELECT status, error, trouble FROM attempts ORDER BY id")
    return list(rows)


async def test_deliveries_are_doubled(server: TestServer, client: stripe.StripeClient, receiver: Receiver) -> None:
    await endpoint(client, receiver)
    await trouble(server, duplicate=100)
    made = await products(client, 2)
    await receiver.wait(4, 5)
    assert sorted(got(receiver)) == sorted(made * 2)
    await advance(server, 60)
    page = await client.v1.events.list_async(params={"type": "product.created"})
    assert [event.pending_webhooks for event in page.data] == [0, 0]


async def test_later_events_overtake(server: TestServer, client: stripe.StripeClient, receiver: Receiver) -> None:
    await endpoint(client, receiver)
    await trouble(server, reorder=50, spread_seconds=3, seed=4)
    made = await products(client, 12)
    await advance(server, 10)
    assert sorted(got(receiver)) == sorted(made)
    assert got(receiver) != made


async def test_deliveries_are_late(server: TestServer, client: stripe.StripeClient, receiver: Receiver) -> None:
    await endpoint(client, receiver)
    await trouble(server, delay=100, delay_seconds=3600)
    await products(client, 1)
    await advance(server, 3500)
    assert receiver.got == []
    await advance(server, 200)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("settings", [{"retries": "live"}], indirect=True)
async def test_what_is_dropped_comes_later(server: TestServer, client: stripe.StripeClient, receiver: Receiver) -> None:
    await endpoint(client, receiver)
    await trouble(server, drop=50)
    made = await products(client, 12)
    await advance(server, "1d")
    assert sorted(got(receiver)) == sorted(made)
    dropped = [error for error in errors(server) if error[2] == "drop"]
    assert 3 < len(dropped) < 40
    assert all(status is None and error for status, error, _ in dropped)


async def test_a_bad_signature_cannot_be_verified(
    server: TestServer, client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = await endpoint(client, receiver)
    await trouble(server, bad_signature=100)
    await products(client, 1)
    await receiver.wait(1, 5)
    headers, body = receiver.got[0]
    assert made.secret is not None
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], made.secret)


async def test_an_answer_that_is_lost_makes_stripe_try_again(
    server: TestServer, client: stripe.StripeClient, receiver: Receiver
) -> None:
    await endpoint(client, receiver)
    await trouble(server, answer_lost=100)
    await products(client, 1)
    await receiver.wait(1, 5)
    await trouble(server, answer_lost=0)
    await receiver.wait(2, 5)
    assert errors(server)[0][:1] == (200,)
    assert errors(server)[0][2] == "answer_lost"


async def test_a_secret_is_rolled_and_the_old_one_signs_for_a_while(
    server: TestServer, client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = await endpoint(client, receiver)
    status, rolled = await control(server, f"webhook_endpoints/{made.id}/roll_secret", {"overlap": "24h"})
    assert status == 200
    old, new = str(made.secret), rolled["secret"]
    assert old != new

    async def signed_by(secret: str) -> bool:
        receiver.got.clear()
        await products(client, 1)
        await receiver.wait(1, 5)
        headers, body = receiver.got[0]
        try:
            stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
        except stripe.SignatureVerificationError:
            return False
        return True

    assert await signed_by(old)
    assert await signed_by(new)
    await advance(server, "25h")
    assert not await signed_by(old)
    assert await signed_by(new)


@pytest.mark.parametrize("settings", [{"retries": "live"}], indirect=True)
async def test_an_endpoint_that_fails_for_days_is_disabled(
    server: TestServer, client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = await endpoint(client, receiver)
    await trouble(server, disable_after_days=2)
    receiver.answers = [500] * 1000
    await products(client, 1)
    await advance(server, "1d")
    assert (await client.v1.webhook_endpoints.retrieve_async(made.id)).status == "enabled"
    await advance(server, "2d")
    assert (await client.v1.webhook_endpoints.retrieve_async(made.id)).status == "disabled"
    tried = len(receiver.got)
    await products(client, 1)
    await advance(server, "1d")
    assert len(receiver.got) == tried


async def test_too_many_requests_are_refused(server: TestServer, client: stripe.StripeClient) -> None:
    await trouble(server, rate_limit=5)
    started = time.monotonic()
    answers = await asyncio.gather(*(client.v1.balance.retrieve_async() for _ in range(40)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, stripe.RateLimitError)]
    taken = len(answers) - len(refused)
    assert 5 <= taken <= 6 + 5 * (time.monotonic() - started)
    assert refused[0].error is not None
    assert refused[0].error.code == "rate_limit"


@pytest.mark.parametrize("effect", ["before", "after", "either"])
@pytest.mark.parametrize("kind", ["api_500", "api_drop", "api_timeout"])
async def test_a_request_that_fails_is_retried_by_the_sdk_with_one_effect(
    kind: str, effect: str, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.1)
    await trouble(server, **{kind: 50, "api_effect": effect, "timeout_seconds": 0.2, "seed": 5})
    http = stripe.AIOHTTPClient(timeout=10)
    base = str(server.make_url("")).rstrip("/")
    client = stripe.StripeClient(KEY, http_client=http, max_network_retries=12, base_addresses={"api": base})
    try:
        made = await products(client, 6)
        await control(server, "chaos", method="DELETE")
        page = await client.v1.products.list_async(params={"limit": 100})
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]
    assert sorted(item.id for item in page.data) == sorted(made)
    struck = server.app[BOX].storage.connection.execute("SELECT count(*) FROM requests WHERE trouble = ?", (kind,))
    assert struck.fetchone()[0] > 0


async def test_a_500_that_is_stored_is_answered_again(server: TestServer, client: stripe.StripeClient) -> None:
    await trouble(server, api_500=100, api_500_stored=True)
    options: stripe.RequestOptions = {"idempotency_key": "mug"}
    with pytest.raises(stripe.APIError):
        await client.v1.products.create_async(params={"name": "Mug"}, options=options)
    await control(server, "chaos", method="DELETE")
    with pytest.raises(stripe.APIError) as again:
        await client.v1.products.create_async(params={"name": "Mug"}, options=options)
    assert again.value.headers is not None
    assert again.value.headers["Idempotent-Replayed"] == "true"


async def test_a_429_has_no_effect_and_is_not_stored(server: TestServer, client: stripe.StripeClient) -> None:
    await trouble(server, api_429=100)
    options: stripe.RequestOptions = {"idempotency_key": "mug"}
    with pytest.raises(stripe.RateLimitError):
        await client.v1.products.create_async(params={"name": "Mug"}, options=options)
    await control(server, "chaos", method="DELETE")
    assert (await client.v1.products.list_async()).data == []
    await client.v1.products.create_async(params={"name": "Mug"}, options=options)


async def test_the_same_seed_means_the_same_trouble(tmp_path_factory: pytest.TempPathFactory) -> None:
    async def struck(seed: int) -> list[str | None]:
        server = TestServer(create_app(SandboxSettings(tmp_path_factory.mktemp("state"))))
        await server.start_server()
        try:
            await trouble(server, api_500=30, api_429=10, seed=seed)
            async with aiohttp.ClientSession(headers=AUTHORIZATION) as http:
                for _ in range(40):
                    async with http.get(server.make_url("/v1/balance")):
                        pass
            rows = server.app[BOX].storage.connection.execute("SELECT trouble FROM requests ORDER BY seq")
            return [row[0] for row in rows]
        finally:
            await server.close()

    first = await struck(7)
    assert {"api_500", "api_429", None} == set(first)
    assert await struck(7) == first
    assert await struck(8) != first


async def test_trouble_survives_a_restart(settings: SandboxSettings) -> None:
    server = TestServer(create_app(settings))
    await server.start_server()
    await trouble(server, duplicate=20, rate_limit=25)
    await server.close()
    server = TestServer(create_app(settings))
    await server.start_server()
    try:
        _, kept = await control(server, "chaos", method="GET")
        assert (kept["duplicate"], kept["rate_limit"], kept["drop"]) == (20, 25, 0)
        await control(server, "chaos", method="DELETE")
        _, ended = await control(server, "chaos", method="GET")
        assert (ended["duplicate"], ended["rate_limit"]) == (0, None)
    finally:
        await server.close()


@pytest.mark.parametrize(
    "settings_given",
    [
        {"duplicate": 101}, {"duplicate": -1}, {"duplicate": "x"}, {"duplicate": True}, {"drop": None}, {"unknown": 1},
        {"api_effect": "never"}, {"rate_limit": 0}, {"rate_limit": 2.5}, {"api_500_stored": 1}, {"delay_seconds": 1e12},
        {"seed": 1.5}, [],
    ],
)  # fmt: skip
async def test_what_has_no_meaning_is_refused_and_changes_nothing(server: TestServer, settings_given: object) -> None:
    status, answer = await control(server, "chaos", settings_given)
    assert status == 400
    assert answer["error"]["message"]
    _, kept = await control(server, "chaos", method="GET")
    assert (kept["duplicate"], kept["rate_limit"]) == (0, None)


async def test_a_server_error_may_have_its_effect_later(server: TestServer, client: stripe.StripeClient) -> None:
    await trouble(server, api_500=100, api_effect="later", later_seconds=0.2)
    options: Any = {"idempotency_key": "k", "max_network_retries": 0}
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await client.v1.products.create_async(params={"name": "Mug"}, options=options)
    await trouble(server, api_500=0)

    async def made() -> bool:
        return bool((await client.v1.products.list_async()).data)

    await until(made)
    found = (await client.v1.products.list_async()).data
    with pytest.raises(stripe.APIError):
        await client.v1.products.create_async(params={"name": "Mug"}, options=options)
    assert [part.name for part in found] == ["Mug"]


@pytest.mark.parametrize(
    ("denied", "reads", "writes"),
    [("rak_product_write", 200, 403), ("rak_product_read, rak_event_read", 403, 403), ("rak_coupon_write", 200, 400)],
)
async def test_a_restricted_key_lacks_what_is_denied_and_a_secret_key_nothing(
    server: TestServer, denied: str, reads: int, writes: int
) -> None:
    await trouble(server, denied=denied)
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer rk_test_restricted0123"}) as http:
        async with http.get(server.make_url("/v1/products")) as answer:
            assert answer.status == reads
        async with http.post(server.make_url("/v1/products")) as answer:
            assert answer.status == writes
            body = await answer.json()
        async with http.get(server.make_url("/v1/products"), headers=AUTHORIZATION) as answer:
            assert answer.status == 200
    if writes == 403:
        assert "Having the 'rak_product_write' permission would allow" in body["error"]["message"]


async def test_what_is_denied_must_be_permissions(server: TestServer) -> None:
    assert (await control(server, "chaos", {"denied": "coupons"}))[0] == 400
