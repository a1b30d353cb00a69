"""The shop over HTTP: products, quotes, checkouts, and the order that the shopper sees."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from checkout_daemon.web.schemas import StripeCheckoutRequest, request_hash
from tests.support.flaky_stripe import FlakyStripe
from tests.support.stripe_events import event_body, session_object, signed
from tests.web.conftest import Client, checkout_body


async def call(
    client: Client, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    async with client.request(method, path, json=body, headers=headers) as answer:
        return answer.status, json.loads(await answer.read())


async def count_orders(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM orders"))


async def pay(client: Client, made: dict[str, Any]) -> None:
    """Deliver the event of a paid session."""
    paid = session_object(made["order_id"], made["session_id"], "pi_1", amount_total=made["amount_total"])
    body = event_body("checkout.session.completed", paid)
    async with client.post("/api/webhook", data=body, headers={"Stripe-Signature": signed(body)}) as answer:
        assert answer.status == 200


async def test_products_come_with_those_available_first(shop: Client) -> None:
    status, data = await call(shop, "GET", "/api/products")
    assert status == 200
    assert data["currency"] == "eur"
    assert [product["sku"] for product in data["products"]] == ["NOTE", "PEN", "OLD"]
    assert data["products"][0] == {
        "sku": "NOTE",
        "name": "Notebook",
        "description": "Dotted",
        "image_url": None,
        "unit_amount": 1200,
        "currency": "eur",
        "available": True,
    }


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, br", "gzip"), ("br", None), ("gzip;q=0", None)])
async def test_a_long_catalog_travels_compressed(
    shop: Client, connection: asyncpg.Connection, accepted: str, encoding: str | None
) -> None:
    await connection.execute("UPDATE products SET description = repeat('Dotted. ', 200) WHERE sku = 'NOTE'")
    async with shop.get("/api/products", headers={"Accept-Encoding": accepted}) as answer:
        assert answer.headers.get("Content-Encoding") == encoding
        assert answer.headers["Vary"] == "Accept-Encoding"
        data = await answer.json()
    assert "Dotted. Dotted." in {product["sku"]: product for product in data["products"]}["NOTE"]["description"]


async def test_a_quote_adds_up_and_writes_nothing(shop: Client, connection: asyncpg.Connection) -> None:
    body = {"items": [{"sku": "NOTE", "quantity": 2}, {"sku": "PEN", "quantity": 1}], "discount_code": "ten"}
    status, data = await call(shop, "POST", "/api/quotes", body)
    assert status == 200
    assert data == {
        "items": [
            {"sku": "NOTE", "name": "Notebook", "unit_amount": 1200, "quantity": 2, "amount": 2400},
            {"sku": "PEN", "name": "Pen", "unit_amount": 333, "quantity": 1, "amount": 333},
        ],
        "amount_subtotal": 2733,
        "amount_discount": 273,
        "amount_total": 2460,
        "currency": "eur",
        "discount": {"code": "TEN", "amount": 273, "percent_off": "10"},
    }
    assert await count_orders(connection) == 0


async def test_a_quote_tells_the_terms_of_its_discount(shop: Client, connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO discounts (code, amount_off, currency, minimum_subtotal, ends_at)"
        " VALUES ('TWO', 200, 'eur', 999, '2999-12-31 23:59:59+02')"
    )
    body = {"items": [{"sku": "PEN", "quantity": 3}], "discount_code": "TWO"}
    _, data = await call(shop, "POST", "/api/quotes", body)
    terms = {"amount_off": 200, "minimum_subtotal": 999, "ends_at": "2999-12-31T21:59:59Z"}
    assert data["discount"] == {"code": "TWO", "amount": 200} | terms


async def test_a_quote_without_a_discount_has_none(shop: Client) -> None:
    _, data = await call(shop, "POST", "/api/quotes", {"items": [{"sku": "PEN", "quantity": 3}], "discount_code": None})
    assert "discount" not in data
    assert data["amount_total"] == 999


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"items": [{"sku": "GONE", "quantity": 1}]}, "/items/0/sku", "unknown_sku"),
        ({"items": [{"sku": "OLD", "quantity": 1}]}, "/items/0/sku", "unavailable_sku"),
        ({"items": [{"sku": "PEN", "quantity": 1}], "discount_code": "NOPE"}, "/discount_code", "discount_unknown"),
        ({"items": [{"sku": "PEN", "quantity": 1}], "discount_code": "\0"}, "/discount_code", "discount_unknown"),
    ],
)
async def test_what_cannot_be_sold_is_named(shop: Client, body: Any, pointer: str, code: str) -> None:
    status, data = await call(shop, "POST", "/api/quotes", body)
    assert (status, data["code"]) == (422, "invalid_request")
    assert [(error["pointer"], error["code"]) for error in data["errors"]] == [(pointer, code)]


async def test_a_checkout_creates_an_order_and_returns_where_to_pay(
    paying_shop: Client, connection: asyncpg.Connection
) -> None:
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(expected_total=2400))
    assert status == 201
    assert set(data) == {
        *("order_id", "number", "session_id", "url", "status", "amount_total", "currency", "expires_at")
    }
    assert (data["status"], data["amount_total"], data["currency"]) == ("pending", 2400, "eur")
    assert data["session_id"].startswith("cs_")
    assert data["url"].startswith("http")
    assert datetime.fromisoformat(data["expires_at"]) > datetime.now(UTC) + timedelta(minutes=30)
    assert data["expires_at"].endswith("Z")
    row = await connection.fetchrow("SELECT id, customer_email, customer_phone FROM orders")
    assert row is not None
    assert (row["id"], row["customer_email"]) == (UUID(data["order_id"]), "ada@example.com")


async def test_the_same_key_and_body_give_the_same_order_however_it_is_written(
    paying_shop: Client, connection: asyncpg.Connection
) -> None:
    headers = {"Idempotency-Key": "key-1", "Content-Type": "application/json"}
    first = json.dumps(checkout_body()).encode()
    again = json.dumps(dict(reversed(checkout_body(discount_code=None).items())), indent=3).encode()
    async with paying_shop.post("/api/stripe-checkout", data=first, headers=headers) as answer:
        made, created = await answer.json(), answer.status
    async with paying_shop.post("/api/stripe-checkout", data=again, headers=headers) as answer:
        repeated, replayed = await answer.json(), answer.status
    assert (created, replayed) == (201, 200)
    assert repeated == made
    assert await count_orders(connection) == 1


async def test_twins_at_once_make_one_order(paying_shop: Client, connection: asyncpg.Connection) -> None:
    key = {"Idempotency-Key": "twin"}
    answers = await asyncio.gather(
        *(call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), key) for _ in range(5))
    )
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 201]
    assert len({data["session_id"] for _, data in answers}) == 1
    assert await count_orders(connection) == 1


async def test_another_body_under_a_key_is_a_conflict(paying_shop: Client) -> None:
    key = {"Idempotency-Key": "key-2"}
    await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), key)
    other = checkout_body(items=[{"sku": "PEN", "quantity": 1}])
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", other, key)
    assert (status, data["code"]) == (409, "idempotency_conflict")


async def test_a_total_that_no_longer_holds_is_answered_with_the_new_quote(
    shop: Client, connection: asyncpg.Connection
) -> None:
    status, data = await call(shop, "POST", "/api/stripe-checkout", checkout_body(expected_total=2399))
    assert (status, data["code"]) == (409, "price_changed")
    _, quote = await call(shop, "POST", "/api/quotes", {"items": checkout_body()["items"]})
    assert data["quote"] == quote
    assert await count_orders(connection) == 0


async def test_without_stripe_the_order_is_kept_and_the_key_finishes_it(
    paying_shop: Client, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "refuse_429"
    key = {"Idempotency-Key": "key-3"}
    async with paying_shop.post("/api/stripe-checkout", json=checkout_body(), headers=key) as answer:
        data = json.loads(await answer.read())
        assert (answer.status, data["code"]) == (503, "stripe_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert await count_orders(connection) == 1
    stripe.plan = lambda number, request: None
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), key)
    assert status == 200
    assert data["order_id"] == str(await connection.fetchval("SELECT id FROM orders"))


@pytest.mark.parametrize(
    "customer",
    [
        {"name": " Ada Lovelace ", "email": "ada@EXAMPLE.com", "phone": "+436641234567"},
        {"name": "Ada Lovelace", "email": "ada@example.com ", "phone": "\u202a+43 (0)664 123-45-67\u202c"},
    ],
)
async def test_the_same_customer_spelt_otherwise_is_the_same_request(
    paying_shop: Client, connection: asyncpg.Connection, customer: dict[str, str]
) -> None:
    key = {"Idempotency-Key": "key-1"}
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), key)
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(customer=customer), key)
    assert (status, data) == (200, made)
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(customer=customer))
    assert (status, data) == (200, made)
    assert await count_orders(connection) == 1


async def test_a_key_from_an_earlier_release_still_has_its_order(
    paying_shop: Client, connection: asyncpg.Connection
) -> None:
    key = {"Idempotency-Key": "key-1"}
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), key)
    former = request_hash(msgspec.convert(checkout_body(), StripeCheckoutRequest))
    await connection.execute("UPDATE orders SET request_hash = $1", former)
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), key)
    assert (status, data["order_id"]) == (200, made["order_id"])


async def test_what_was_just_paid_is_not_sold_again_without_asking(paying_shop: Client) -> None:
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), {"Idempotency-Key": "key-1"})
    await pay(paying_shop, made)
    fresh = {"Idempotency-Key": "key-2"}
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(), fresh)
    assert (status, data["code"]) == (409, "probably_placed")
    assert (data["order_id"], data["number"]) == (made["order_id"], made["number"])
    status, again = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(insist=True), fresh)
    assert status == 201
    assert again["order_id"] != made["order_id"]
    status, replayed = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(insist=True), fresh)
    assert (status, replayed["order_id"]) == (200, again["order_id"])


async def test_a_stranger_with_an_email_and_a_cart_learns_no_reference(paying_shop: Client) -> None:
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body())
    await pay(paying_shop, made)
    stranger = {"name": "Mallory", "email": "ada@example.com", "phone": "+43 664 7654321"}
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body(customer=stranger))
    assert (status, data["code"]) == (409, "probably_placed")
    assert {"order_id", "number"}.isdisjoint(data)
    text = json.dumps(data)
    assert not any(str(made[key]) in text for key in ("order_id", "number", "session_id", "url"))


async def test_the_shopper_sees_what_was_refunded(paying_shop: Client, connection: asyncpg.Connection) -> None:
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body())
    await connection.execute("UPDATE orders SET status = 'partially_refunded', amount_refunded = 700")
    _, order = await call(paying_shop, "GET", f"/api/stripe-checkout/{made['order_id']}")
    assert order["amount_refunded"] == 700


async def test_the_shopper_sees_each_refund_with_its_status(
    paying_shop: Client, connection: asyncpg.Connection
) -> None:
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body())
    await connection.execute("UPDATE orders SET paid_at = now()")
    await connection.execute("INSERT INTO payments (id, order_id) SELECT 'pi_1', id FROM orders")
    statuses = ("failed", "succeeded", "unknown", "requires_action")
    for number, status in enumerate(statuses, 1):
        await connection.execute(
            "INSERT INTO refunds (id, livemode, payment_id, status, amount, currency, created_at)"
            " VALUES ('re_' || $1::int, false, 'pi_1', $2, $1 * 100, 'eur', now() + make_interval(secs => $1))",
            *(number, status),
        )
    _, order = await call(paying_shop, "GET", f"/api/stripe-checkout/{made['order_id']}")
    assert [(refund["amount"], refund["status"]) for refund in order["refunds"]] == [
        (100, "failed"),
        (200, "succeeded"),
        (400, "requires_action"),
    ]
    assert set(order["refunds"][0]) == {"amount", "currency", "status", "created_at"}


async def test_a_refusal_by_stripe_is_reported_without_its_words(paying_shop: Client, stripe: FlakyStripe) -> None:
    stripe.plan = lambda number, request: "reject_400"
    status, data = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body())
    assert (status, data["code"]) == (502, "stripe_rejected")
    assert "req_planned" not in json.dumps(data)


@pytest.mark.parametrize("ref", ["session_id", "order_id"])
async def test_the_shopper_sees_the_order_and_nothing_of_a_person(paying_shop: Client, ref: str) -> None:
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body())
    status, data = await call(paying_shop, "GET", f"/api/stripe-checkout/{made[ref]}")
    assert status == 200
    assert data == {
        "number": made["number"],
        "status": "pending",
        "items": [{"sku": "NOTE", "name": "Notebook", "unit_amount": 1200, "quantity": 2, "amount": 2400}],
        "amount_subtotal": 2400,
        "amount_discount": 0,
        "amount_total": 2400,
        "currency": "eur",
        "created_at": data["created_at"],
        "retry_url": f"/api/stripe-checkout/{made['order_id']}/retry",
    }


async def test_the_retry_url_leads_to_the_open_session(paying_shop: Client) -> None:
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body())
    _, order = await call(paying_shop, "GET", f"/api/stripe-checkout/{made['order_id']}")
    status, data = await call(paying_shop, "POST", order["retry_url"])
    assert status == 200
    assert data == made


async def test_a_paid_order_has_no_retry_url_and_refuses_a_retry(paying_shop: Client) -> None:
    _, made = await call(paying_shop, "POST", "/api/stripe-checkout", checkout_body())
    await pay(paying_shop, made)
    _, order = await call(paying_shop, "GET", f"/api/stripe-checkout/{made['order_id']}")
    assert order["status"] == "completed"
    assert "retry_url" not in order
    status, data = await call(paying_shop, "POST", f"/api/stripe-checkout/{made['order_id']}/retry")
    assert (status, data["code"]) == (409, "not_payable")


@pytest.mark.parametrize(
    "ref", ["70cc88c7-68e2-4cf2-a46e-933955a2fd42", "cs_test_unknown", "1001", "x" * 300, "%00", "a%2Fb", "%ff", "ü"]
)
async def test_an_unknown_ref_is_not_found(shop: Client, ref: str) -> None:
    for method, path in (("GET", f"/api/stripe-checkout/{ref}"), ("POST", f"/api/stripe-checkout/{ref}/retry")):
        status, data = await call(shop, method, path)
        assert (status, data["code"]) == (404, "not_found")


def test_what_a_repeated_request_is_compared_with_stays_the_same_over_releases() -> None:
    """The hash is stored with the order: a later release with more optional fields must compute the same one."""
    body = msgspec.convert(checkout_body(expected_total=2400), StripeCheckoutRequest)
    canonical = (
        b'{"items":[{"sku":"NOTE","quantity":2}],'
        b'"customer":{"name":"Ada Lovelace","email":"ada@example.com","phone":"+43 664 1234567"},'
        b'"expected_total":2400}'
    )
    assert request_hash(body) == sha256(canonical).digest()
