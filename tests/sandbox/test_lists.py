"""Lists, their filters and pages, and what can be expanded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import stripe
from aiohttp.test_utils import TestServer

from checkout_daemon.sandbox.app import BOX
from checkout_daemon.sandbox.storage import Storage, Stored
from tests.sandbox.conftest import Receiver, confirm, open_session
from tests.sandbox.payment_steps import pay
from tests.sandbox.sdk_shapes import faults

INTENT: Any = {"amount": 500, "currency": "usd"}


def types_of(events: stripe.ListObject[stripe.Event]) -> list[str]:
    return [event.type for event in events.data]


async def products(client: stripe.StripeClient, count: int) -> list[str]:
    """Create products and return their ids, newest first. They are a second apart if the time matters."""
    return [(await client.v1.products.create_async(params={"name": f"P{number}"})).id for number in range(count)][::-1]


async def test_cursors_go_both_ways(client: stripe.StripeClient) -> None:
    made = await products(client, 7)

    async def listed(**params: Any) -> tuple[list[str], bool]:
        page = await client.v1.products.list_async(params=params)  # type: ignore[arg-type]
        return [item.id for item in page.data], page.has_more

    assert await listed(limit=3) == (made[:3], True)
    assert await listed(limit=3, starting_after=made[2]) == (made[3:6], True)
    assert await listed(limit=3, starting_after=made[5]) == (made[6:], False)
    assert await listed(limit=3, ending_before=made[6]) == (made[3:6], True)
    assert await listed(limit=3, ending_before=made[2]) == (made[:2], False)
    assert await listed() == (made, False)


@pytest.mark.parametrize(
    "params",
    [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"starting_after": "prod_no"}, {"ending_before": "prod_no"}],
)
async def test_what_no_page_can_be(client: stripe.StripeClient, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.products.list_async(params=params)
    assert caught.value.param == next(iter(params))


async def test_a_page_has_one_cursor(client: stripe.StripeClient) -> None:
    made = await products(client, 2)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.products.list_async(params={"starting_after": made[0], "ending_before": made[1]})
    both = "Received both starting_after and ending_before parameters. Please pass in only one."
    assert caught.value.user_message == both
    with pytest.raises(stripe.InvalidRequestError, match="No such product: 'prod_no'"):
        await client.v1.products.list_async(params={"starting_after": made[0], "ending_before": "prod_no"})


async def test_created_has_bounds(server: TestServer, client: stripe.StripeClient) -> None:
    storage = server.app[BOX].storage
    ids = await products(client, 5)
    for age, object_id in enumerate(ids):
        storage.connection.execute("UPDATE objects SET created = ? WHERE id = ?", (1000 - age, object_id))

    async def listed(created: Any) -> list[str]:
        return [item.id for item in (await client.v1.products.list_async(params={"created": created})).data]

    assert await listed({"gt": 998}) == ids[:2]
    assert await listed({"gte": 998}) == ids[:3]
    assert await listed({"lt": 997}) == ids[4:]
    assert await listed({"lte": 997}) == ids[3:]
    assert await listed({"gte": 997, "lt": 999}) == ids[2:4]
    assert await listed(998) == [ids[2]]
    with pytest.raises(stripe.InvalidRequestError):
        await listed({"after": 5})


async def test_events_by_type_and_by_several(client: stripe.StripeClient) -> None:
    session = await open_session(client)
    await confirm(client, session.id, payment_method="pm_card_visa")
    page = await client.v1.events.list_async(params={"type": "charge.succeeded"})
    assert types_of(page) == ["charge.succeeded"]
    assert types_of(await client.v1.events.list_async(params={"type": "payment_intent.*"})) == [
        "payment_intent.succeeded",
        "payment_intent.created",
    ]
    twenty: Any = ["charge.succeeded", *(f"x.y{number}" for number in range(19))]
    assert types_of(await client.v1.events.list_async(params={"types": twenty})) == ["charge.succeeded"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.events.list_async(params={"types": [*twenty, "z.z"]})
    assert caught.value.param == "types"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.events.list_async(params={"types": twenty, "type": "charge.succeeded"})


async def test_events_by_whether_they_were_delivered(client: stripe.StripeClient, receiver: Receiver) -> None:
    receiver.answers = [200, 500, 500, 500, 500, 500, 500]
    await client.v1.webhook_endpoints.create_async(
        params={"url": receiver.url, "enabled_events": ["product.created", "product.deleted"]}
    )
    product = await client.v1.products.create_async(params={"name": "P"})
    await receiver.wait(1, 5)
    await client.v1.coupons.create_async(params={"percent_off": 5})
    await client.v1.products.delete_async(product.id)
    await receiver.wait(2, 5)

    async def listed(*, success: bool) -> list[str]:
        return types_of(await client.v1.events.list_async(params={"delivery_success": success}))

    async with asyncio.timeout(5):
        while True:  # the receiver knows before the sandbox does
            if await listed(success=False) == ["product.deleted"]:
                break
            await asyncio.sleep(0.02)
    assert await listed(success=True) == ["coupon.created", "product.created"]


async def test_sessions_by_what_they_belong_to(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async(params={"email": "ana@example.com"})
    theirs = await open_session(client, customer=customer.id)
    paid = await open_session(client, customer_email="bea@example.com")
    answer = await confirm(client, paid.id, payment_method="pm_card_visa")
    expired = await client.v1.checkout.sessions.expire_async((await open_session(client)).id)

    async def listed(**params: Any) -> list[str]:
        page = await client.v1.checkout.sessions.list_async(params=params)  # type: ignore[arg-type]
        return [item.id for item in page.data]

    assert await listed(customer=customer.id) == [theirs.id]
    assert await listed(payment_intent=answer["payment_intent"]["id"]) == [paid.id]
    assert await listed(customer_details={"email": "bea@example.com"}) == [paid.id]
    assert await listed(status="open") == [theirs.id]
    assert await listed(status="expired") == [expired.id]
    assert await listed(status="complete", customer=customer.id) == []
    with pytest.raises(stripe.InvalidRequestError):
        await listed(status="paid")


async def test_auto_paging_over_250_objects(server: TestServer, client: stripe.StripeClient) -> None:
    made = (await open_session(client)).to_dict()
    storage = server.app[BOX].storage
    with storage.transaction():
        for number in range(250):
            storage.add(Stored({**made, "id": f"cs_test_{number}"}))
    page = await client.v1.checkout.sessions.list_async(params={"limit": 100})
    seen = [item.id async for item in page.auto_paging_iter()]
    assert seen == [*(f"cs_test_{number}" for number in range(249, -1, -1)), made["id"]]
    backwards = await client.v1.checkout.sessions.list_async(params={"limit": 100, "ending_before": made["id"]})
    assert len([item async for item in backwards.auto_paging_iter()]) == 250


async def test_lists_are_by_time_of_creation(server: TestServer, client: stripe.StripeClient) -> None:
    """As at Stripe, and also where clocks went back: a page ends where the next one begins."""
    made = (await open_session(client)).to_dict()
    storage = server.app[BOX].storage
    times = [made["created"] - age for age in (40, 10, 30, 10, 20, 40)]
    for number, created in enumerate(times):
        storage.add(Stored({**made, "id": f"cs_test_{number}", "created": created}))
    newest = [made["id"], *(f"cs_test_{number}" for number in (3, 1, 4, 2, 5, 0))]
    listing = client.v1.checkout.sessions
    assert [found.id for found in (await listing.list_async()).data] == newest
    for limit in (1, 2, 3):
        page = await listing.list_async(params={"limit": limit})
        assert [found.id async for found in page.auto_paging_iter()] == newest
        page = await listing.list_async(params={"limit": limit, "ending_before": newest[-1]})
        assert [found.id async for found in page.auto_paging_iter()] == newest[-2::-1]
        page = await listing.list_async(params={"limit": limit, "created": {"gte": times[2], "lt": made["created"]}})
        assert [found.id async for found in page.auto_paging_iter()] == newest[1:5]


async def test_lists_read_no_more_than_they_answer(server: TestServer, client: stripe.StripeClient) -> None:
    session = await paid_session(client)
    event = (await client.v1.events.list_async()).data[-1].id
    between: Any = {"gte": 20_900, "lt": 999_999_999_999}
    sessions: list[Any] = [
        {},
        {"starting_after": session},
        {"ending_before": session},
        {"created": between},
        {"created": between, "starting_after": session},
        {"customer": (await client.v1.customers.create_async()).id, "created": between},
        {"payment_intent": (await client.v1.payment_intents.create_async(params=INTENT)).id},
        {"status": "expired", "created": between},
    ]
    events: list[Any] = [
        {"types": ["charge.succeeded", "charge.refunded"], "created": between},
        {"types": ["charge.succeeded", "charge.refunded"], "created": between, "starting_after": event},
        {"type": "charge.succeeded", "created": between},
        {"type": "charge.*", "created": between, "ending_before": event},
        {"delivery_success": False, "created": between},
    ]
    connection = server.app[BOX].storage.connection
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    for question in sessions:
        await client.v1.checkout.sessions.list_async(params=question)
    for question in events:
        await client.v1.events.list_async(params=question)
    for charge in (await client.v1.charges.list_async(params={"created": between})).data:
        await client.v1.balance_transactions.list_async(params={"source": charge.id})
        await client.v1.refunds.list_async(params={"charge": charge.id, "created": between})
    connection.set_trace_callback(None)
    lists = [statement for statement in asked if "ORDER BY created" in statement]
    assert len(lists) >= len(sessions) + len(events) + 2
    for statement in lists:
        plan = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        reads = [step for step in plan if "objects" in step or "TEMP B-TREE" in step or step.startswith("SCAN ")]
        if " seq IN " in statement:  # of each type no more than a page, which are then put in order
            reads = [step for step in reads if not step.startswith(("SCAN (subquery", "USE TEMP B-TREE FOR ORDER BY"))]
        assert all(step.startswith("SEARCH objects USING") for step in reads), (statement, plan)
        bounds = "created>" if "created >=" in statement else "type=?"
        assert any(bounds in step for step in reads), (statement, plan)


# Expanding


async def paid_session(client: stripe.StripeClient) -> str:
    customer = await client.v1.customers.create_async()
    coupon = await client.v1.coupons.create_async(params={"percent_off": 10})
    at_once = {"capture_method": "automatic"}  # so that the charge has its balance transaction
    session = await open_session(
        client, customer=customer.id, discounts=[{"coupon": coupon.id}], payment_intent_data=at_once
    )
    answer = await confirm(client, session.id, payment_method="pm_card_visa")
    await client.v1.refunds.create_async(params={"payment_intent": answer["payment_intent"]["id"], "amount": 100})
    return session.id


async def expanded(client: stripe.StripeClient, path: str, *expand: str) -> Any:
    answer = await client.raw_request_async("get", path, expand=list(expand))
    return answer.data


async def test_four_levels_of_a_session(client: stripe.StripeClient) -> None:
    session_id = await paid_session(client)
    body = await expanded(
        client,
        f"/v1/checkout/sessions/{session_id}",
        "payment_intent.latest_charge.balance_transaction",
        "payment_intent.latest_charge.refunds",
        "line_items.data.price.product",
        "line_items.data.discounts",
        "customer",
        "discounts.coupon",
        "total_details.breakdown",
    )
    assert list(faults(body, stripe.checkout.Session)) == []
    charge = body["payment_intent"]["latest_charge"]
    assert charge["balance_transaction"]["source"] == charge["id"]
    assert [refund["amount"] for refund in charge["refunds"]["data"]] == [100]
    line = body["line_items"]["data"][0]
    assert line["price"]["product"]["name"] == "Mug"
    assert line["discounts"][0]["amount"] == 200
    assert line["discounts"][0]["discount"]["source"]["coupon"] == body["discounts"][0]["coupon"]["id"]
    assert body["total_details"]["breakdown"]["discounts"][0]["amount"] == 200
    assert body["customer"]["object"] == "customer"


async def test_expanding_every_element_of_a_list(client: stripe.StripeClient) -> None:
    session_id = await paid_session(client)
    await open_session(client)
    body = await expanded(client, "/v1/checkout/sessions", "data.payment_intent.latest_charge", "data.line_items")
    assert [item["payment_intent"] and item["payment_intent"]["object"] for item in body["data"]] == [
        None,
        "payment_intent",
    ]
    assert body["data"][1]["payment_intent"]["latest_charge"]["object"] == "charge"
    assert [len(line["line_items"]["data"]) for line in body["data"]] == [1, 1]
    assert body["data"][1]["id"] == session_id


@pytest.mark.parametrize(
    "path",
    [
        "id",
        "object",
        "metadata",
        "mode",
        "nothing",
        "amount_total",
        "client_reference_id",
        "payment_intent.nothing",
        "payment_intent.id",
        "payment_intent.latest_charge.payment_method",
        "customer.email",
        "line_items.data.description",
        "total_details",
        "payment_intent.latest_charge.balance_transaction.source.customer",
    ],
)
async def test_what_cannot_be_expanded(client: stripe.StripeClient, path: str) -> None:
    session_id = await paid_session(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.checkout.sessions.retrieve_async(session_id, params={"expand": [path]})
    assert caught.value.param == "expand"
    assert path in str(caught.value.user_message)


async def test_lists_say_how_to_expand_their_elements(client: stripe.StripeClient) -> None:
    await open_session(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.checkout.sessions.list_async(params={"expand": ["payment_intent"]})
    assert "'data.payment_intent'" in str(caught.value.user_message)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.checkout.sessions.list_async(params={"expand": ["data"]})


async def test_a_deleted_object_expands_to_its_marker(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async()
    session = await open_session(client, customer=customer.id)
    await client.v1.customers.delete_async(customer.id)
    body = await expanded(client, f"/v1/checkout/sessions/{session.id}", "customer")
    assert body["customer"] == {"id": customer.id, "object": "customer", "deleted": True}


async def test_answers_to_creation_are_expanded_as_well(client: stripe.StripeClient) -> None:
    session = await open_session(client, expand=["line_items", "total_details.breakdown"])
    assert session.line_items is not None
    assert [line.description for line in session.line_items.data] == ["Mug"]
    kept = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert "line_items" not in kept.to_dict()


async def test_search_is_refused_with_advice(client: stripe.StripeClient) -> None:
    with pytest.raises(
        stripe.InvalidRequestError, match="Stripe has GET /v1/charges/search; the offline Stripe does not"
    ) as caught:
        await client.v1.charges.search_async(params={"query": "amount>1"})
    assert caught.value.http_status == 404


@pytest.mark.parametrize(
    "name", ["cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"]
)
async def test_a_customer_shows_more_to_those_who_ask(client: stripe.StripeClient, name: str) -> None:
    customer = await client.v1.customers.create_async()
    assert name not in customer
    body = await expanded(client, f"/v1/customers/{customer.id}", name)
    listed = {"object": "list", "data": [], "has_more": False, "url": f"/v1/customers/{customer.id}/{name}"}
    assert body[name] == listed or name in ("cash_balance", "invoice_credit_balance", "tax")
    assert list(faults(body, stripe.Customer)) == []


async def test_amounts_by_currency_are_shown_to_those_who_ask(client: stripe.StripeClient) -> None:
    product: Any = {"name": "P", "default_price_data": {"currency": "eur", "unit_amount": 700}}
    made = await client.v1.products.create_async(params=product)
    body = await expanded(client, f"/v1/products/{made.id}", "default_price.currency_options", "default_price.tiers")
    assert body["default_price"]["currency_options"]["eur"]["unit_amount"] == 700
    assert body["default_price"]["tiers"] is None
    coupon = await client.v1.coupons.create_async(params={"amount_off": 5, "currency": "eur", "duration": "once"})
    body = await expanded(client, f"/v1/coupons/{coupon.id}", "currency_options")
    assert body["currency_options"] == {"eur": {"amount_off": 5}}


async def test_what_has_no_value_yet_can_be_expanded(client: stripe.StripeClient) -> None:
    intent = await pay(client)
    refund = await client.v1.refunds.create_async(params={"payment_intent": intent.id})
    await expanded(client, f"/v1/refunds/{refund.id}", "failure_balance_transaction")
    await expanded(client, f"/v1/charges/{intent.latest_charge}", "transfer")


def test_events_of_rare_types_are_found_without_reading_all_others(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    for number in range(5000):
        kind = "rare" if number == 7 else "rarer" if number % 1000 == 0 else "common"
        storage.add(
            Stored({"id": f"evt_{number}", "object": "event", "created": 1_790_000_000 + number // 3}, kind=kind)
        )
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def listed(*kinds: str, **rest: Any) -> list[str]:
        return [record.id for record in storage.select("event", kinds=kinds, **rest)]

    storage.connection.set_progress_handler(count, 100)
    assert listed("rare", limit=2) == ["evt_7"]
    assert listed("rarer", "rare", limit=3) == ["evt_4000", "evt_3000", "evt_2000"]
    assert listed("rarer", "rare", limit=3, ascending=True) == ["evt_0", "evt_7", "evt_1000"]
    since = [("created >= ?", 1_790_000_000 + 1000)]
    assert listed("rarer", "rare", "none", conditions=since) == ["evt_4000", "evt_3000"]
    assert listed("none") == []
    assert steps < 50  # of a hundred instructions each; to read all events takes some for each
    storage.close()
