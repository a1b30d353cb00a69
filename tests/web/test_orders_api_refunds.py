"""/api/orders/…/refunds: a system refunds an order once, or reads every fault of what it asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from checkout_daemon.tokens.api_tokens import Scope, revoke_token
from checkout_daemon.web.app_keys import RUNTIME
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order
from tests.web.conftest import Client
from tests.web.test_orders_api import ADA, ask, token


async def test_the_same_key_refunds_once(paying_shop: Client, connection: asyncpg.Connection) -> None:
    placed = await paid_order(paying_shop.app[RUNTIME])
    text = await token(paying_shop, Scope.READ, Scope.WRITE)
    path, body = f"/api/orders/{placed.number}/refunds", {"amount": 500, "note": "one was broken"}
    answers = await asyncio.gather(*(ask(paying_shop, path, text, body, Idempotency_Key="a") for _ in range(3)))
    assert {status for status, _ in answers} == {200}
    assert {answer["refund_id"] for _, answer in answers} == {answers[0][1]["refund_id"]}
    assert answers[0][1]["amount_refunded"] == 500
    status, problem = await ask(paying_shop, path, text, {"amount": 600}, Idempotency_Key="a")
    assert (status, problem["code"]) == (409, "idempotency_conflict")
    _, order = await ask(paying_shop, f"/api/orders/{placed.number}", text)
    assert [refund["amount"] for refund in order["refunds"]] == [500]
    entry = await connection.fetchrow("SELECT operator, details FROM operator_log WHERE kind = 'refund.requested'")
    assert entry is not None
    assert entry["operator"] == "token:erp"


async def test_items_are_refunded_at_their_price(paying_shop: Client) -> None:
    placed = await paid_order(paying_shop.app[RUNTIME])
    text = await token(paying_shop, Scope.READ, Scope.WRITE)
    body = {"items": [{"sku": "NOTE", "quantity": 1}], "reason": "requested_by_customer"}
    _, refunded = await ask(paying_shop, f"/api/orders/{placed.number}/refunds", text, body, Idempotency_Key="i")
    assert (refunded["amount"], refunded["order_status"]) == (1200, "partially_refunded")
    assert refunded["items"] == [{"sku": "NOTE", "quantity": 1, "amount": 1200}]
    path = f"/api/orders/{placed.number}/refunds"
    assert (await ask(paying_shop, path, text, body, Idempotency_Key="i")) == (200, refunded)
    body = {"items": [{"sku": "INK"}]}
    status, problem = await ask(paying_shop, f"/api/orders/{placed.number}/refunds", text, body, Idempotency_Key="j")
    assert (status, problem["code"]) == (409, "items_not_refundable")


async def test_every_fault_of_the_items_is_named_at_its_place(paying_shop: Client) -> None:
    placed = await paid_order(paying_shop.app[RUNTIME])
    text = await token(paying_shop, Scope.WRITE)
    body = {"items": [{"sku": "NOTE"}, {"sku": "PEN", "quantity": 0}, {"sku": "NOTE", "quantity": -1}]}
    _, problem = await ask(paying_shop, f"/api/orders/{placed.number}/refunds", text, body, Idempotency_Key="a")
    pointers = [fault["pointer"] for fault in problem["errors"]]
    assert pointers == ["/items/1/quantity", "/items/2/sku", "/items/2/quantity"]


async def test_without_an_answer_from_stripe_the_same_key_finishes_the_refund(
    paying_shop: Client, stripe: FlakyStripe
) -> None:
    placed = await paid_order(paying_shop.app[RUNTIME])
    text = await token(paying_shop, Scope.READ, Scope.WRITE)
    path = f"/api/orders/{placed.number}/refunds"
    stripe.plan = lambda number, request: "refuse_429" if request.path == "/v1/refunds" else None
    body = {"items": [{"sku": "NOTE"}, {"sku": "PEN"}]}
    assert (await ask(paying_shop, path, text, body, Idempotency_Key="a"))[0] == 503
    stripe.plan = lambda number, request: None
    status, refunded = await ask(paying_shop, path, text, body, Idempotency_Key="a")
    assert (status, refunded["order_status"]) == (200, "refunded")
    assert [(item["sku"], item["quantity"]) for item in refunded["items"]] == [("NOTE", 2), ("PEN", 3)]


async def test_the_same_key_refunds_once_also_with_a_new_token_of_the_same_name(paying_shop: Client) -> None:
    runtime = paying_shop.app[RUNTIME]
    placed = await paid_order(runtime)
    path, body = f"/api/orders/{placed.number}/refunds", {"amount": 500}
    text = await token(paying_shop, Scope.WRITE)
    first = await ask(paying_shop, path, text, body, Idempotency_Key="a")
    await revoke_token(runtime.database, "erp", operator=ADA)
    text = await token(paying_shop, Scope.WRITE)
    assert await ask(paying_shop, path, text, body, Idempotency_Key="a") == first
    other = await token(paying_shop, Scope.WRITE, name="desk")
    _, second = await ask(paying_shop, path, other, body, Idempotency_Key="a")
    assert (second["refund_id"] != first[1]["refund_id"], second["amount_refunded"]) == (True, 1000)


async def test_every_fault_of_a_refund_is_reported_at_once(paying_shop: Client) -> None:
    placed = await paid_order(paying_shop.app[RUNTIME])
    text, path = await token(paying_shop, Scope.READ, Scope.WRITE), f"/api/orders/{placed.number}/refunds"
    body: Any = {"items": [{"sku": "NOTE", "quantity": 0}], "reason": "because", "note": "x" * 9000, "amount": 5}
    _, problem = await ask(paying_shop, path, text, body, Idempotency_Key="a")
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [
        ("/amount", "amount_and_items"),
        ("/reason", "invalid_reason"),
        ("/items/0/quantity", "invalid_quantity"),
        ("/note", "invalid_note"),
    ]
    body = {"amount": "5.00", "items": [{"quantity": "1"}], "sum": 1}
    _, problem = await ask(paying_shop, path, text, body, Idempotency_Key="a")
    assert [(fault["pointer"], fault["detail"]) for fault in problem["errors"]][:3] == [
        ("/amount", "this must be a whole number, and not text"),
        ("/items/0/sku", "the field 'sku' is required"),
        ("/items/0/quantity", "this must be a whole number, and not text"),
    ]
    assert (await ask(paying_shop, f"/api/orders/{placed.number}", text))[1]["refunds"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"amount": 1, "items": [{"sku": "NOTE"}]}, "amount_and_items"),
        ({"amount": 1, "items": []}, "amount_and_items"),
        ({"items": []}, "no_items"),
        ({"items": [{"sku": "NOTE"}, {"sku": "NOTE"}]}, "repeated_item"),
        ({"items": [{"sku": "NOTE", "quantity": 1}, {"sku": "NOTE", "quantity": 1}]}, "repeated_item"),
        ({"items": [{"sku": "NOTE", "quantity": 0}]}, "invalid_quantity"),
        ({"items": [{"sku": "NOTE", "quantity": 2}, {"sku": "PEN", "quantity": -1}]}, "invalid_quantity"),
        ({"items": [{"sku": "NOTE", "quantity": 0.5}]}, "wrong_type"),
        ({"reason": "because"}, "invalid_reason"),
        ({"reason": ""}, "invalid_reason"),
        ({"amount": 0}, "invalid_amount"),
        ({"amount": 2**53 + 1}, "invalid_amount"),
        ({"amount": 10**30}, "invalid_amount"),
        ({"sum": 1}, "unknown_field"),
    ],
)
async def test_a_wrong_refund_is_refused_by_field(paying_shop: Client, body: Any, code: str) -> None:
    placed = await paid_order(paying_shop.app[RUNTIME])
    text = await token(paying_shop, Scope.READ, Scope.WRITE)
    path = f"/api/orders/{placed.number}/refunds"
    status, problem = await ask(paying_shop, path, text, body, Idempotency_Key="a")
    assert (status, problem["code"], problem["errors"][0]["code"]) == (422, "invalid_request", code)
    assert (await ask(paying_shop, f"/api/orders/{placed.number}", text))[1]["refunds"] == []
    status, problem = await ask(paying_shop, path, text, {})
    assert (status, problem["errors"][0]["code"]) == (422, "missing_idempotency_key")
