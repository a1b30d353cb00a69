"""Webhooks: signed, retried, and never sent to an endpoint that was disabled."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.app import BOX, create_app
from checkout_daemon.sandbox.box import API_VERSION
from checkout_daemon.sandbox.main import SandboxSettings
from tests.sandbox.conftest import Ask, Connect, Receiver, confirm, open_session
from tests.support.waiting import until


async def arrivals(receiver: Receiver, count: int, seconds: float = 8.0) -> list[str]:
    """Return the types of the deliveries, as soon as this many have arrived."""
    await receiver.wait(count, seconds)
    return [json.loads(body)["type"] for _, body in receiver.got]


async def register(client: stripe.StripeClient, url: str, *events: str) -> stripe.WebhookEndpoint:
    params: Any = {"url": url, "enabled_events": list(events or ("*",))}
    return await client.v1.webhook_endpoints.create_async(params=params)


async def test_events_arrive_signed(client: stripe.StripeClient, receiver: Receiver) -> None:
    endpoint = await register(client, receiver.url, "charge.succeeded", "checkout.session.completed")
    assert endpoint.secret is not None
    assert "secret" not in (await client.v1.webhook_endpoints.retrieve_async(endpoint.id)).to_dict()
    session = await open_session(client)
    await confirm(client, session.id, payment_method="pm_card_visa")
    assert set(await arrivals(receiver, 2)) == {"charge.succeeded", "checkout.session.completed"}
    for headers, body in receiver.got:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
        assert event.id == json.loads(body)["id"]
        assert headers["Content-Type"] == "application/json; charset=utf-8"
        assert headers["User-Agent"] == "Stripe/1.0 (+https://stripe.com/docs/webhooks)"


async def test_a_refused_event_comes_again(client: stripe.StripeClient, receiver: Receiver, server: TestServer) -> None:
    receiver.answers = [500, 302]
    await register(client, receiver.url, "checkout.session.expired")
    session = await open_session(client)
    await client.v1.checkout.sessions.expire_async(session.id)
    assert await arrivals(receiver, 3) == ["checkout.session.expired"] * 3
    storage = server.app[BOX].storage
    async with asyncio.timeout(2):
        while True:
            if storage.connection.execute("SELECT state FROM deliveries").fetchall() == [("delivered",)]:
                break
            await asyncio.sleep(0.01)
    statuses = storage.connection.execute("SELECT status FROM attempts ORDER BY at").fetchall()
    assert statuses == [(500,), (302,), (200,)]


async def test_a_disabled_endpoint_never_gets_what_happened_meanwhile(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "checkout.session.expired")
    disabled = await client.v1.webhook_endpoints.update_async(endpoint.id, params={"disabled": True})
    assert disabled.status == "disabled"
    missed = await open_session(client)
    await client.v1.checkout.sessions.expire_async(missed.id)
    await client.v1.webhook_endpoints.update_async(endpoint.id, params={"disabled": False})
    got = await open_session(client)
    await client.v1.checkout.sessions.expire_async(got.id)
    await arrivals(receiver, 1)
    await asyncio.sleep(0.1)
    assert [json.loads(body)["data"]["object"]["id"] for _, body in receiver.got] == [got.id]


async def test_an_event_is_sent_again_on_request(client: stripe.StripeClient, receiver: Receiver) -> None:
    endpoint = await register(client, receiver.url, "product.created")
    await client.v1.products.create_async(params={"name": "P"})
    await arrivals(receiver, 1)
    event_id = json.loads(receiver.got[0][1])["id"]
    await client.raw_request_async("post", f"/v1/events/{event_id}/retry", webhook_endpoint=endpoint.id)
    await arrivals(receiver, 2)
    await client.v1.webhook_endpoints.delete_async(endpoint.id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.webhook_endpoints.retrieve_async(endpoint.id)
    assert caught.value.http_status == 404


@pytest.mark.parametrize(
    ("version", "status", "state"), [(0, 200, "delivered"), (1, 200, "delivered"), (1, 500, "failed")]
)
async def test_a_listener_is_offered_two_versions_and_counted_once(
    ask: Ask, server: TestServer, client: stripe.StripeClient, version: int, status: int, state: str
) -> None:
    wanted = {"device_name": "here", "websocket_features[]": "webhooks", "forward_to_url": "http://127.0.0.1:9/hook"}
    session = await ask("POST", "/v1/stripecli/sessions", wanted)
    storage = server.app[BOX].storage
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession(headers={"Websocket-Id": session["websocket_id"]}) as http,
        http.ws_connect(session["websocket_url"]) as socket,
    ):
        await until(lambda: bool(server.app[BOX].sockets))
        await client.v1.products.create_async(params={"name": "P"})
        frames = [await socket.receive_json() for _ in range(2)]
        versions = [frame.pop("endpoint")["api_version"] for frame in frames]
        assert (versions, frames[0]) == ([None, API_VERSION], frames[1])
        answers = [{**frame, "type": "event_ack"} for frame in frames]
        answers.insert(version + 1, {**frames[version], "type": "webhook_response", "status": status})
        for answer in answers:
            await socket.send_json(answer)
        left = "SELECT count(*) FROM deliveries WHERE state = 'pending'"
        await until(lambda: storage.connection.execute(left).fetchone() == (0,))
    deliveries = storage.connection.execute("SELECT state, attempts FROM deliveries").fetchall()
    attempts = storage.connection.execute("SELECT status FROM attempts").fetchall()
    assert (deliveries, attempts) == ([(state, 1)], [(status,)])


async def test_a_restart_keeps_state_debits_and_deliveries(
    settings: SandboxSettings, connect: Connect, receiver: Receiver
) -> None:
    receiver.answers = [503]
    async with TestServer(create_app(settings)) as server:
        client = connect(server)
        await register(client, receiver.url, "checkout.session.completed", "checkout.session.async_payment_succeeded")
        session = await open_session(client, currency="eur")
        method = await client.v1.payment_methods.create_async(
            params={"type": "sepa_debit", "sepa_debit": {"iban": "AT611904300234573201"}}
        )
        await confirm(client, session.id, payment_method=method.id)
        await arrivals(receiver, 1)
    async with TestServer(create_app(settings)) as server:
        client = connect(server)
        types = await arrivals(receiver, 3)
        assert sorted(types[1:]) == ["checkout.session.async_payment_succeeded", "checkout.session.completed"]
        kept = await client.v1.checkout.sessions.retrieve_async(session.id)
        assert (kept.status, kept.payment_status) == ("complete", "paid")
