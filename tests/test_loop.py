"""The whole loop over HTTP, on `checkout dev`: cart, checkout, payment, webhook, and the operator's view."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.commands import run_command
from tests.support.dev import running_dev
from tests.support.shop import CUSTOMER, FAILS_LATER, SETTLED_SECONDS, SUCCEEDS_LATER, Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
async def shop() -> AsyncIterator[Shop]:
    state_dir = Path(tempfile.mkdtemp(prefix="checkout-loop-"))
    state_dir.chmod(0o755)
    async with running_dev(state_dir) as dev, aiohttp.ClientSession() as http:
        yield Shop(dev, http)
    shutil.rmtree(state_dir)


async def test_a_cart_is_quoted_and_paid_and_the_operator_sees_all_of_it(shop: Shop) -> None:
    status, catalog = await shop.api("GET", "/api/products")
    assert status == 200
    assert len(catalog["products"]) == 12
    items = [{"sku": "NOTEBOOK-A5", "quantity": 2}]
    status, quote = await shop.api("POST", "/api/quotes", {"items": items, "discount_code": "WELCOME10"})
    assert status == 200
    order = await shop.check_out(discount_code="WELCOME10", expected_total=quote["amount_total"])
    assert order["amount_total"] == quote["amount_total"]

    status, paid = await shop.pay(order)
    assert status == 200, paid
    shown = await shop.becomes(order, "completed")
    assert shown["amount_total"] == quote["amount_total"]
    assert [session["id"] for session in shown["sessions"]] == [order["session_id"]]
    assert [payment["amount"] for payment in shown["payments"]] == [quote["amount_total"]]
    assert "checkout.session.completed" in {event["type"] for event in shown["events"]}
    assert [(change["from"], change["to"]) for change in shown["changes"]] == [
        (None, "pending"),
        ("pending", "completed"),
    ]
    assert shown["paid_at"] is not None
    assert shown["attention"] == []


async def test_a_delayed_debit_is_processing_and_then_completed(shop: Shop) -> None:
    order = await shop.check_out()
    await shop.pay(order, iban=SUCCEEDS_LATER)
    await shop.becomes(order, "processing", "completed")
    shown = await shop.becomes(order, "completed")
    assert "processing" in {change["to"] for change in shown["changes"]}


async def test_a_delayed_debit_that_fails_can_be_tried_again(shop: Shop) -> None:
    order = await shop.check_out()
    await shop.pay(order, iban=FAILS_LATER)
    await shop.becomes(order, "failed")
    _, seen = await shop.api("GET", f"/api/stripe-checkout/{order['order_id']}")
    status, again = await shop.api("POST", seen["retry_url"])
    assert status in (200, 201)
    assert (again["order_id"], again["number"]) == (order["order_id"], order["number"])
    assert again["session_id"] != order["session_id"]
    await shop.pay(again)
    await shop.becomes(again, "completed")


async def test_a_declined_card_leaves_the_order_pending_and_payable(shop: Shop) -> None:
    order = await shop.check_out()
    status, answer = await shop.pay(order, "tok_chargeDeclined")
    assert (status, answer["error"]["type"]) == (402, "card_error")
    shown = await shop.becomes(order, "pending")
    assert shown["payments"] == []
    await shop.pay(order)
    await shop.becomes(order, "completed")


async def test_an_expired_session_is_followed_by_another(shop: Shop) -> None:
    order = await shop.check_out()
    status, _ = await shop.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire")
    assert status == 200
    await shop.becomes(order, "expired")
    status, again = await shop.api("POST", f"/api/stripe-checkout/{order['session_id']}/retry")
    assert status in (200, 201)
    assert again["session_id"] != order["session_id"]
    await shop.pay(again)
    shown = await shop.becomes(again, "completed")
    assert [session["attempt"] for session in shown["sessions"]] == [1, 2]
    status, refused = await shop.api("POST", f"/api/stripe-checkout/{order['session_id']}/retry")
    assert (status, refused["code"]) == (409, "not_payable")


async def test_refunds_in_part_and_in_full(shop: Shop) -> None:
    order = await shop.check_out()
    await shop.pay(order)
    shown = await shop.becomes(order, "completed")
    await shop.refund(shown, 100)
    part = await shop.becomes(order, "partially_refunded")
    assert part["amount_refunded"] == 100
    await shop.refund(shown)
    whole = await shop.becomes(order, "refunded")
    assert whole["amount_refunded"] == order["amount_total"]
    assert len(whole["refunds"]) == 2


async def test_a_refund_that_fails_later_is_taken_back_and_asks_for_attention(shop: Shop) -> None:
    order = await shop.check_out()
    await shop.pay(order, "tok_refundFail")
    shown = await shop.becomes(order, "completed")
    await shop.refund(shown)
    await shop.becomes(order, "refunded", "completed")
    deadline = time.monotonic() + SETTLED_SECONDS
    while (await shop.show(order["number"]))["attention"] != ["refund_failed"]:
        assert time.monotonic() < deadline
    after = await shop.becomes(order, "completed")
    assert after["amount_refunded"] == 0
    assert [refund["status"] for refund in after["refunds"]] == ["failed"]


@pytest.mark.parametrize(
    ("evidence", "status", "attention", "gone"),
    [("winning_evidence", "completed", [], False), ("losing_evidence", "disputed", ["dispute_lost"], True)],
)
async def test_a_dispute_is_answered_with_our_commands_and_won_or_lost(
    shop: Shop, evidence: str, status: str, attention: list[str], gone: bool
) -> None:
    order = await shop.check_out()
    await shop.pay(order, "tok_createDispute")
    await shop.becomes(order, "completed", "disputed")
    open_dispute = await shop.becomes(order, "disputed")
    assert open_dispute["attention"] == ["dispute_needs_response"]
    number = order["number"]
    (listed,) = (await run_command(shop.dev, "disputes", "list", "--waiting", "--order", number, "--json")).lines
    assert (listed["number"], listed["reason"], listed["network_reason"]) == (number, "fraudulent", "10.4")
    saved = await run_command(shop.dev, "disputes", "evidence", number, "--set", f"uncategorized_text={evidence}")
    assert saved.code == 0, saved.err
    submitted = await run_command(shop.dev, "disputes", "submit", number, "--yes", "--json")
    assert submitted.lines[0]["status"] == "under_review", submitted.err
    again = await run_command(shop.dev, "disputes", "submit", number, "--yes")
    assert again.code == 4, again.err
    deadline = time.monotonic() + SETTLED_SECONDS
    while ((shown := await shop.show(order["number"]))["status"], shown["attention"]) != (status, attention):
        assert time.monotonic() < deadline, (shown["status"], shown["attention"])
    answered = (await run_command(shop.dev, "disputes", "show", number, "--json")).lines[0]
    assert (answered["money_is_gone"], answered["submission_count"]) == (gone, 1)


async def test_a_free_order_completes_without_a_payment(shop: Shop) -> None:
    order = await shop.check_out(discount_code="FREE100")
    assert order["amount_total"] == 0
    status, answer = await shop.stripe(
        "POST", f"/v1/payment_pages/{order['session_id']}/confirm", {"expected_amount": "0"}
    )
    assert status == 200, answer
    shown = await shop.becomes(order, "completed")
    assert [payment["id"] for payment in shown["payments"]] == [order["session_id"]]


async def test_a_price_that_changed_is_reported_with_the_new_quote(shop: Shop) -> None:
    body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": 1}], "customer": CUSTOMER, "expected_total": 1}
    status, problem = await shop.api("POST", "/api/stripe-checkout", body)
    assert (status, problem["code"]) == (409, "price_changed")
    assert problem["quote"]["amount_total"] > 1
