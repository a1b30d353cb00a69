"""Every event that the official CLI can trigger: the command succeeds, and the event has the right object."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from stripe._object_classes import OBJECT_CLASSES

from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.generic.kind_table import KINDS
from checkout_daemon.sandbox.main import SandboxSettings
from checkout_daemon.sandbox.parameters.forms import decode_form
from tests.sandbox.conftest import AUTHORIZATION
from tests.sandbox.sdk_shapes import faults
from tests.support.stripe_cli import run_cli, supported_triggers

Body = dict[str, Any]

AT_ONCE = 4
SECONDS = 20.0
ELSEWHERE = {"v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"}
"""Triggers that post to https://meter-events.stripe.com, whatever address the CLI is given."""

EVENTS = {
    "subscription.payment_failed": "invoice.payment_failed",
    "subscription.payment_succeeded": "invoice.payment_succeeded",
}
"""Triggers that are not named after an event type, with what Stripe sends for them."""

OBJECTS = {
    "account.application": "application",
    "charge.dispute": "dispute",
    "charge.refund": "refund",
    "customer.discount": "discount",
    "customer.source": "card",
    "customer.subscription": "subscription",
    "issuing_authorization": "issuing.authorization",
    "issuing_card": "issuing.card",
    "issuing_cardholder": "issuing.cardholder",
    "issuing_transaction": "issuing.transaction",
}
"""The types of events' objects, where they differ from the event's name without its last part."""

PATHS = {
    **{kind.object: f"{kind.path}/{{id}}" for kind in KINDS},
    "balance": "/v1/balance",
    "card": "/v1/customers/{customer}/sources/{id}",
    "cash_balance": "/v1/customers/{customer}/cash_balance",
    "customer_cash_balance_transaction": "/v1/customers/{customer}/cash_balance_transactions/{id}",
    "discount": "/v1/customers/{customer}/discount",
    **{
        name: f"/v1/{name.replace('.', '/')}s/{{id}}"
        for name in (
            "charge",
            "checkout.session",
            "coupon",
            "customer",
            "dispute",
            "payment_intent",
            "payment_method",
            "price",
            "product",
            "promotion_code",
            "refund",
        )
    },
}
UNREADABLE = {"application", "billing_portal.session"}
"""Objects that Stripe has no request for."""

MEANT_OTHERWISE = {
    ("issuing.transaction", "amount"),  # spent, thus negative
    ("payment_method", "customer"),  # gone once it is detached
    ("plan", "product"),  # described, not named
    ("test_helpers.test_clock", "frozen_time"),  # as yet the old one while it is advancing
}


Requests = list[tuple[str, Body]]
"""The CLI's requests, each with the id of the object in the answer."""


async def test_every_trigger_of_the_cli_makes_its_event(tmp_path: Path) -> None:
    names = await supported_triggers(tmp_path)
    assert len(names) > 100
    assert set(names) >= ELSEWHERE
    turns = asyncio.Semaphore(AT_ONCE)

    async def found(name: str) -> list[str]:
        async with turns:
            return [f"{name}: {fault}" for fault in await _wrong(name, tmp_path)]

    outcomes = await asyncio.gather(*(found(name) for name in names if name not in ELSEWHERE))

    wrong = [answer for outcome in outcomes for answer in outcome]
    assert not wrong, "\n".join(wrong)


async def _wrong(name: str, directory: Path) -> list[str]:
    """Return everything that is wrong after this trigger, in a sandbox of its own."""
    async with _sandbox(directory / name) as (base, requests):
        ran = await run_cli("trigger", name, base=base, config_dir=directory)
        if ran.code:
            return [f"exit code {ran.code}: {ran.stdout[-300:]}{ran.stderr[-600:]}"]
        async with aiohttp.ClientSession(base, headers=AUTHORIZATION) as http:
            kind = EVENTS.get(name, name.removesuffix(".eu").removesuffix(".gb"))
            event = await _event(http, kind)
            if event is None:
                return [f"no event {kind}"]
            body = event["data"]["object"]
            return [
                *_shape_faults(kind, body),
                *_differences(body, requests),
                *_silent_update(kind, event["data"]),
                *await _unreadable(http, kind, body),
            ]


@contextlib.asynccontextmanager
async def _sandbox(state_dir: Path) -> AsyncIterator[tuple[str, Requests]]:
    app = create_app(SandboxSettings(state_dir, settle_seconds=0.05, retries="test"))
    requests: Requests = []

    @web.middleware
    async def record(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = decode_form(await request.text()) if request.method == "POST" else {}
        response = await handler(request)
        if isinstance(response, web.Response) and response.status == 200 and given:
            requests.append((str(json.loads(response.text or "{}").get("id")), given))
        return response

    app.middlewares.append(record)
    server = TestServer(app)
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}", requests
    finally:
        await server.close()


async def _event(http: aiohttp.ClientSession, kind: str) -> Body | None:
    """Return the newest event of this type, as soon as it exists."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while True:
                async with http.get("/v1/events", params={"type": kind}) as answer:
                    events: list[Body] = (await answer.json())["data"]
                if events:
                    return events[0]
                await asyncio.sleep(0.02)
    return None


def _shape_faults(kind: str, body: Body) -> Iterator[str]:
    """Yield what the SDK's class of the event's object does not know, or misses."""
    stem = kind.rpartition(".")[0]
    expected = next((name for start, name in OBJECTS.items() if kind.startswith(f"{start}.")), stem)
    if body["object"] != expected:
        yield f"is about a {body['object']}, not about a {expected}"
    module, name = OBJECT_CLASSES[body["object"]]
    yield from faults(body, getattr(importlib.import_module(module), name))


def _silent_update(kind: str, data: Body) -> Iterator[str]:
    if kind.endswith(".updated") and not data.get("previous_attributes"):
        yield "does not say what was there before"


def _differences(body: Body, requests: Requests) -> Iterator[str]:
    """Return the parameters of requests for this object that its fields have with another value."""
    for object_id, given in requests:
        if object_id == body.get("id"):
            for name, value in given.items():
                if name in body and (body["object"], name) not in MEANT_OTHERWISE:
                    yield from _compare(body[name], value, name)


def _compare(value: Any, given: Any, at: str) -> Iterator[str]:
    if isinstance(value, list) and isinstance(given, dict):
        value = {str(position): element for position, element in enumerate(value)}
    if isinstance(value, dict) and isinstance(given, dict):
        if value.get("object") != "list":
            for name in given.keys() & value.keys():
                yield from _compare(value[name], given[name], f"{at}[{name}]")
        return
    if isinstance(value, dict) and "id" in value:
        value = value["id"]
    resolved = isinstance(given, str) and given.startswith(("pm_card_", "tok_"))
    if isinstance(value, float):
        same = isinstance(given, str) and float(given) == value
    else:
        same = given == ("" if value is None else json.dumps(value) if isinstance(value, bool) else str(value))
    if not same and not resolved and given != "now":
        yield f"{at} is {value!r}, was given as {given!r}"


async def _unreadable(http: aiohttp.ClientSession, kind: str, body: Body) -> list[str]:
    """Return why the object cannot be read at its URL, or still can although it was removed."""
    if body["object"] in UNREADABLE:
        return []
    path = PATHS[body["object"]].format(id=body.get("id"), customer=body.get("customer"))
    async with http.get(path) as answer:
        read = await answer.json()
    if kind.endswith(".deleted") and body.get("status") != "canceled":
        return [] if answer.status == 404 or read.get("deleted") else [f"GET {path} still answers {answer.status}"]
    same = answer.status == 200 and all(read.get(name) == body.get(name) for name in ("id", "object"))
    return [] if same else [f"GET {path} answers {answer.status}: {str(read)[:200]}"]
