"""The sandbox's clock: days pass in seconds, and everything happens in order and at its time."""

from __future__ import annotations

import itertools
import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.app import BOX, create_app
from checkout_daemon.sandbox.main import SandboxSettings
from tests.sandbox.conftest import AUTHORIZATION, Connect, Receiver, confirm, event_types, open_session, wait_for

DAY = 86_400


async def control(server: TestServer, path: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, server.make_url(f"/sandbox/{path}"), json=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json() if answer.content_type == "application/json" else await answer.text()


async def advance(server: TestServer, by: object) -> None:
    status, answer = await control(server, "clock", {"advance": by})
    assert status == 200, answer


async def test_a_session_expires_at_its_time_and_not_before(server: TestServer, client: stripe.StripeClient) -> None:
    session = await open_session(client, expires_at=int(time.time()) + 1860)
    assert session.expires_at is not None
    await advance(server, "30m")
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    await advance(server, 120)
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "expired"
    event = (await client.v1.events.list_async(params={"type": "checkout.session.expired"})).data[0]
    assert abs(event.created - session.expires_at) <= 1


async def test_what_is_due_on_the_way_happens_in_its_order(server: TestServer, client: stripe.StripeClient) -> None:
    late = await open_session(client, expires_at=int(time.time()) + 7200)
    early = await open_session(client, expires_at=int(time.time()) + 3600)
    debit = await open_session(client, currency="eur", payment_method_types=["sepa_debit"])
    data = {"type": "sepa_debit", "sepa_debit": {"iban": "AT611904300234573201"}}
    await confirm(client, debit.id, payment_method_data=data)
    await advance(server, "1d")
    page = await client.v1.events.list_async(params={"limit": 100})
    happened = [
        (event.type, event.data.object["id"])
        for event in reversed(page.data)
        if event.type in ("checkout.session.expired", "checkout.session.async_payment_succeeded")
    ]
    assert happened == [
        ("checkout.session.async_payment_succeeded", debit.id),
        ("checkout.session.expired", early.id),
        ("checkout.session.expired", late.id),
    ]
    moments = [item.created for item in page.data]
    assert moments == sorted(moments, reverse=True)


@pytest.mark.parametrize("settings", [{"retries": "live"}], indirect=True)
async def test_three_days_of_retries_pass_at_once(
    server: TestServer, client: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.answers = [500] * 1000
    await client.v1.webhook_endpoints.create_async(params={"url": receiver.url, "enabled_events": ["product.created"]})
    await client.v1.products.create_async(params={"name": "Mug"})
    await advance(server, "4d")
    tried = len(receiver.got)
    assert 25 < tried < 60
    attempts = server.app[BOX].storage.connection.execute("SELECT at FROM attempts ORDER BY id").fetchall()
    assert 3 * DAY <= attempts[-1][0] - attempts[0][0] < 3.5 * DAY
    waits = [later[0] - sooner[0] for sooner, later in itertools.pairwise(attempts)]
    assert max(waits) <= 4 * 3600 + 60
    await advance(server, "4d")
    assert len(receiver.got) == tried


@pytest.mark.parametrize("settings", [{"retries": "live"}], indirect=True)
async def test_an_endpoint_that_comes_back_gets_what_it_missed(
    server: TestServer, client: stripe.StripeClient, receiver: Receiver
) -> None:
    receiver.answers = [503] * 5
    await client.v1.webhook_endpoints.create_async(params={"url": receiver.url, "enabled_events": ["product.created"]})
    product = await client.v1.products.create_async(params={"name": "Mug"})
    await advance(server, "1d")
    assert len(receiver.got) == 6
    bodies = {body for _, body in receiver.got}
    assert len({json.loads(body)["id"] for body in bodies}) == 1
    event = (await client.v1.events.list_async(params={"type": "product.created"})).data[0]
    assert event.data.object["id"] == product.id
    assert event.pending_webhooks == 0


async def test_idempotency_keys_are_forgotten_after_a_day(server: TestServer, client: stripe.StripeClient) -> None:
    async def make() -> str:
        options: stripe.RequestOptions = {"idempotency_key": "mug"}
        return (await client.v1.products.create_async(params={"name": "Mug"}, options=options)).id

    first = await make()
    await advance(server, "23h")
    assert await make() == first
    await advance(server, "2h")
    assert await make() != first


async def test_the_clock_is_in_every_answer_and_survives_a_restart(settings: SandboxSettings, connect: Connect) -> None:
    server = TestServer(create_app(settings))
    await server.start_server()
    await advance(server, "3d")
    await server.close()
    server = TestServer(create_app(settings))
    await server.start_server()
    try:
        product = await connect(server).v1.products.create_async(params={"name": "Mug"})
        assert product.created - time.time() == pytest.approx(3 * DAY, abs=10)
        async with (
            aiohttp.ClientSession(headers=AUTHORIZATION) as http,
            http.get(server.make_url("/v1/balance")) as answer,
        ):
            shown = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert shown - time.time() == pytest.approx(3 * DAY, abs=10)
        _, clock = await control(server, "clock", method="GET")
        assert clock["offset"] == pytest.approx(3 * DAY, abs=1)
    finally:
        await server.close()


async def test_two_sandboxes_in_one_process_have_separate_clocks(
    server: TestServer, client: stripe.StripeClient, settings: SandboxSettings, connect: Connect
) -> None:
    other = TestServer(create_app(SandboxSettings(settings.state_dir.with_name("other"))))
    await other.start_server()
    try:
        await advance(other, "10d")
        here = await client.v1.products.create_async(params={"name": "Mug"})
        there = await connect(other).v1.products.create_async(params={"name": "Mug"})
        assert there.created - here.created == pytest.approx(10 * DAY, abs=5)
    finally:
        await other.close()


async def test_signatures_have_the_machines_time_since_receivers_compare_it_with_theirs(
    server: TestServer, client: stripe.StripeClient, receiver: Receiver
) -> None:
    await advance(server, "3d")
    endpoint = await client.v1.webhook_endpoints.create_async(
        params={"url": receiver.url, "enabled_events": ["product.created"]}
    )
    await client.v1.products.create_async(params={"name": "Mug"})
    await receiver.wait(1, 5)
    headers, body = receiver.got[0]
    assert endpoint.secret is not None
    stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
    sent_at = int(headers["Stripe-Signature"].split(",")[0].removeprefix("t="))
    assert abs(sent_at - time.time()) < 10


@pytest.mark.parametrize(
    "body",
    [{}, {"advance": -1}, {"advance": "soon"}, {"advance": "400d"}, {"advance_to": 5}, {"advance": 1, "x": 2}, [1]],
)
async def test_a_time_that_cannot_be_is_refused(server: TestServer, body: object) -> None:
    status, answer = await control(server, "clock", body)
    assert status == 400
    assert answer["error"]["message"]
    _, clock = await control(server, "clock", method="GET")
    assert clock["offset"] == 0


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}],
)
async def test_web_pages_from_elsewhere_cannot_turn_the_clock(
    server: TestServer, client: stripe.StripeClient, headers: dict[str, str]
) -> None:
    status, _ = await control(server, "clock", {"advance": "3d"}, **headers)
    assert status == 403
    assert await event_types(client) == []
    _, clock = await control(server, "clock", method="GET")
    assert clock["offset"] == 0


async def test_a_form_does_as_well(server: TestServer, client: stripe.StripeClient) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.make_url("/sandbox/clock"), data="advance=3d") as answer,
    ):
        assert answer.status == 200
        assert (await answer.json())["offset"] == pytest.approx(3 * DAY, abs=1)
    await client.v1.products.create_async(params={"name": "Mug"})
    assert (await wait_for(client, "product.created")).created > time.time() + 2 * DAY
