"""The whole loop by HTTP alone, on `checkout dev`: cart, checkout, payment, webhook, and what the operator is shown."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.dev import Dev, running_dev

pytestmark = pytest.mark.asyncio(loop_scope="module")

CUSTOMER = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+4930901820"}
SETTLED_SECONDS = 2.0
SUCCEEDS_LATER = "AT611904300234573201"
FAILS_LATER = "IT60X0542811101000000123456"


@dataclass(frozen=True)
class Shop:
    """A running shop as a script from outside sees it."""

    dev: Dev
    http: aiohttp.ClientSession

    async def api(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.http.request(method, f"{self.dev.url}{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def stripe(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.dev.env['STRIPE_API_KEY']}"}
        url = f"{self.dev.env['STRIPE_API_BASE']}{path}"
        async with self.http.request(method, url, data=form, headers=headers) as answer:
            return answer.status, await answer.json()

    async def check_out(self, **fields: Any) -> dict[str, Any]:
        body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": 2}], "customer": CUSTOMER} | fields
        status, answer = await self.api("POST", "/api/stripe-checkout", body)
        assert status == 201, answer
        made: dict[str, Any] = answer
        return made

    async def pay(self, order: dict[str, Any], token: str = "tok_visa", iban: str = "") -> tuple[int, Any]:
        form = {"type": "card", "card[token]": token}
        if iban:
            form = {
                "type": "sepa_debit",
                "sepa_debit[iban]": iban,
                "billing_details[name]": "Ada",
                "billing_details[email]": "ada@example.com",
            }
        _, method = await self.stripe("POST", "/v1/payment_methods", form)
        confirm = {"payment_method": method["id"], "expected_amount": str(order["amount_total"])}
        return await self.stripe("POST", f"/v1/payment_pages/{order['session_id']}/confirm", confirm)

    async def show(self, number: int) -> dict[str, Any]:
        """`checkout orders show N --json`, as an operator runs it in the folder of the demo."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "cli", "orders", "show", str(number), "--json",
            cwd=self.dev.state_dir, stdout=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "CHECKOUT_STATE_DIR": str(self.dev.state_dir)},
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == 0
        shown: dict[str, Any] = json.loads(out)
        return shown

    async def becomes(self, order: dict[str, Any], *statuses: str) -> dict[str, Any]:
        """The order as shown, once it has one of these statuses: within two seconds of now."""
        path = f"/api/stripe-checkout/{order['session_id']}"
        deadline = time.monotonic() + SETTLED_SECONDS
        while True:
            _, seen = await self.api("GET", path)
            if seen["status"] in statuses:
                return await self.show(order["number"])
            assert time.monotonic() < deadline, f"{seen['status']}, not {statuses}"
            await asyncio.sleep(0.05)

    async def refund(self, shown: dict[str, Any], amount: int | None = None) -> None:
        form = {"payment_intent": shown["payments"][0]["id"]}
        if amount is not None:
            form["amount"] = str(amount)
        status, answer = await self.stripe("POST", "/v1/refunds", form)
        assert status == 200, answer

    async def dispute(self, shown: dict[str, Any]) -> str:
        intent = shown["payments"][0]["id"]
        deadline = time.monotonic() + SETTLED_SECONDS
        while True:
            _, listed = await self.stripe("GET", f"/v1/disputes?payment_intent={intent}")
            if listed["data"]:
                return str(listed["data"][0]["id"])
            assert time.monotonic() < deadline, "no dispute was opened"
            await asyncio.sleep(0.05)


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
    assert [each["id"] for each in shown["sessions"]] == [order["session_id"]]
    assert [each["amount"] for each in shown["payments"]] == [quote["amount_total"]]
    assert "checkout.session.completed" in {each["type"] for each in shown["events"]}
    assert [(each["from"], each["to"]) for each in shown["changes"]] == [(None, "pending"), ("pending", "completed")]
    assert shown["paid_at"] is not None
    assert shown["attention"] == []


async def test_a_delayed_debit_is_processing_and_then_completed(shop: Shop) -> None:
    order = await shop.check_out()
    await shop.pay(order, iban=SUCCEEDS_LATER)
    await shop.becomes(order, "processing", "completed")
    shown = await shop.becomes(order, "completed")
    assert "processing" in {each["to"] for each in shown["changes"]}


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
    assert [each["attempt"] for each in shown["sessions"]] == [1, 2]
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
    assert [each["status"] for each in after["refunds"]] == ["failed"]


@pytest.mark.parametrize(
    ("evidence", "status", "attention"),
    [("winning_evidence", "completed", []), ("losing_evidence", "disputed", ["dispute_lost"])],
)
async def test_a_dispute_won_or_lost(shop: Shop, evidence: str, status: str, attention: list[str]) -> None:
    order = await shop.check_out()
    await shop.pay(order, "tok_createDispute")
    await shop.becomes(order, "completed", "disputed")
    open_dispute = await shop.becomes(order, "disputed")
    assert open_dispute["attention"] == ["dispute_needs_response"]
    dispute_id = await shop.dispute(open_dispute)
    form = {"evidence[uncategorized_text]": evidence, "submit": "true"}
    answered, body = await shop.stripe("POST", f"/v1/disputes/{dispute_id}", form)
    assert answered == 200, body
    deadline = time.monotonic() + SETTLED_SECONDS
    while (shown := await shop.show(order["number"]))["attention"] != attention:
        assert time.monotonic() < deadline, shown["attention"]
    assert shown["status"] == status


async def test_a_free_order_completes_without_a_payment(shop: Shop) -> None:
    order = await shop.check_out(discount_code="FREE100")
    assert order["amount_total"] == 0
    status, answer = await shop.stripe(
        "POST", f"/v1/payment_pages/{order['session_id']}/confirm", {"expected_amount": "0"}
    )
    assert status == 200, answer
    shown = await shop.becomes(order, "completed")
    assert [each["id"] for each in shown["payments"]] == [order["session_id"]]


async def test_a_price_that_changed_is_told_with_the_new_quote(shop: Shop) -> None:
    body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": 1}], "customer": CUSTOMER, "expected_total": 1}
    status, problem = await shop.api("POST", "/api/stripe-checkout", body)
    assert (status, problem["code"]) == (409, "price_changed")
    assert problem["quote"]["amount_total"] > 1
