"""The moves of shoppers and of Stripe in a simulated history, drawn at random. Each move is a coroutine."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.faults.stack import Programs, Stack
from tests.support.shop import FAILS_LATER, SUCCEEDS_LATER

_CARDS = ("tok_visa",) * 6 + ("tok_chargeDeclined", "tok_createDispute", "tok_createDisputeInquiry", "tok_refundFail")
_SHOPPER_TIMEOUT = aiohttp.ClientTimeout(40)
TROUBLE = {
    "duplicate": 20, "reorder": 20, "answer_lost": 10, "drop": 5, "spread_seconds": 1.0, "api_500": 4, "api_drop": 4,
    "api_timeout": 3, "timeout_seconds": 0.5, "api_429": 3, "api_effect": "either", "api_500_stored": True,
}  # fmt: skip
CLOCK_ERRORS = (61, 200, 290, -45, -90, -1800, 900, 2 * 86_400, 200 * 86_400)


@dataclass
class History:
    """A record of the moves, for the comparison afterwards. `refunds` are (order, amount) as operators requested."""

    stack: Stack
    random: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: list[tuple[str, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def any_order(self) -> dict[str, Any] | None:
        return self.random.choice(list(self.orders.values())[-40:]) if self.orders else None


async def check_out(history: History) -> None:
    """Place an order with its own key, and repeat the request until it is answered."""
    customer = {"name": "Ada Lovelace", "email": f"{uuid.uuid4().hex}@example.com", "phone": "+442071838750"}
    body = {"items": [{"sku": "NOTEBOOK-A5", "quantity": history.random.randint(1, 5)}], "customer": customer}
    key = uuid.uuid4().hex
    answers = set()
    for _ in range(40):
        answer = await post(history.stack, history.counts, "/api/stripe-checkout", body, {"Idempotency-Key": key})
        if answer is not None and answer[0] in (200, 201):
            answers.add((answer[1]["order_id"], answer[1]["number"]))
            history.orders.setdefault(answer[1]["order_id"], answer[1])
            if history.random.random() < 0.8:
                break
        elif answer is not None and answer[0] not in (409, 429, 500, 502, 503):
            history.faults.append(f"a checkout was answered {answer[0]}: {answer[1].get('code')}")
            break
        await asyncio.sleep(history.random.uniform(0.1, 0.6))
    if len(answers) > 1:
        history.faults.append(f"one Idempotency-Key made several orders: {sorted(answers)}")


async def pay(history: History) -> None:
    """Pay an order's session with a card, or with a bank debit that completes later."""
    if (order := history.any_order()) is None:
        return
    form = {"type": "card", "card[token]": history.random.choice(_CARDS)}
    if history.random.random() < 0.25:
        iban = history.random.choice((SUCCEEDS_LATER, FAILS_LATER))
        form = {"type": "sepa_debit", "sepa_debit[iban]": iban, "billing_details[name]": "Ada",
                "billing_details[email]": "ada@example.com"}  # fmt: skip
    status, method = await history.stack.stripe("POST", "/v1/payment_methods", form)
    if status == 200:
        confirm = {"payment_method": method["id"], "expected_amount": str(order["amount_total"])}
        status, _ = await history.stack.stripe("POST", f"/v1/payment_pages/{order['session_id']}/confirm", confirm)
        history.counts[f"pay {status}"] += 1


async def retry(history: History) -> None:
    """Ask for a new way to pay, as the cancel page does."""
    if (order := history.any_order()) is None:
        return
    answer = await post(history.stack, history.counts, f"/api/stripe-checkout/{order['order_id']}/retry", None, {})
    if answer is not None and answer[0] == 200:
        history.orders[order["order_id"]] = answer[1]


async def at_stripe(history: History) -> None:
    """Act as in Stripe's dashboard: refund, decide a dispute, or expire a session."""
    stack = history.stack
    if (order := history.any_order()) is None:
        return
    _, session = await stack.stripe("GET", f"/v1/checkout/sessions/{order['session_id']}")
    intent = session.get("payment_intent")
    if intent is None:
        if history.random.random() < 0.3:
            await stack.stripe("POST", f"/v1/checkout/sessions/{order['session_id']}/expire", {})
        return
    _, disputes = await stack.stripe("GET", f"/v1/disputes?payment_intent={intent}")
    if disputes["data"]:
        text = history.random.choice(("winning_evidence", "losing_evidence"))
        await stack.stripe("POST", f"/v1/disputes/{disputes['data'][0]['id']}", {"evidence[uncategorized_text]": text})
    elif session["payment_status"] == "paid" and history.random.random() < 0.5:
        await stack.stripe("POST", "/v1/refunds", {"payment_intent": intent, "amount": "55"})


async def redeliver(history: History) -> None:
    """Have Stripe send old events again."""
    _, page = await history.stack.stripe("GET", "/v1/events?limit=50")
    for event in history.random.sample(page["data"], min(5, len(page["data"]))):
        await history.stack.stripe("POST", f"/v1/events/{event['id']}/retry", {})


async def post(
    stack: Programs, counts: Counter[str], path: str, body: object, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]] | None:
    """Send the daemon a request, and return its answer, or None if there was none."""
    try:
        async with stack.http.post(
            f"{stack.url}{path}", json=body, headers=headers, timeout=_SHOPPER_TIMEOUT
        ) as answer:
            counts[f"{path.rpartition('/')[2]} {answer.status}"] += 1
            content: dict[str, Any] = await answer.json(content_type=None)
            if answer.status in (200, 201) and "session_id" in content:
                stack.given.add(content["session_id"])
            return answer.status, content
    except (aiohttp.ClientError, TimeoutError):
        return None
