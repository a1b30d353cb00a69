"""The moves of a history with all that a move needs to know: shoppers, operators, Stripe, crashes and clocks."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.faults.moves import TROUBLE, post
from tests.faults.stack import Stack
from tests.support.shop import FAILS_LATER, SUCCEEDS_LATER

CARDS = (
    "tok_visa", "tok_chargeDeclined", "tok_threeDSecure2Required", "tok_createDispute", "tok_createDisputeInquiry",
    "tok_createMultipleDisputes", "tok_refundFail", "tok_pendingRefund",
)  # fmt: skip
DEBITS = (SUCCEEDS_LATER, FAILS_LATER)
COMMANDS = ("refund", "refund part", "cancel", "resend", "expire", "sync", "reconcile", "replay", "note", "ack")
AT_STRIPE = ("refund", "dispute", "win dispute", "lose dispute", "expire", "another session")
CRASHES = (
    "worker",
    "workers",
    "daemon",
    "connections",
    "postgres",
    "postgres at once",
    "postgres cleanly",
    "fail over",
)
ATTENTION = ("paid_twice", "dispute_needs_response", "dispute_lost", "refund_failed", "paid_after_cancel")
DELIVERY_TROUBLE = {"duplicate": 30, "reorder": 30, "answer_lost": 15, "drop": 10, "spread_seconds": 0.5}
_TRIES = 100


@dataclass(eq=False)
class Order:
    """An order that a shopper is placing. `id` and the rest are known once `answered` is set; no id: it was refused."""

    answered: asyncio.Event = field(default_factory=asyncio.Event)
    id: str = ""
    total: int = 0
    sessions: list[str] = field(default_factory=list)


@dataclass
class History:
    """One history: its orders, and what was seen to be wrong while it was played.

    `refunds` are (order, amount) as operators requested them; every amount is another. `counts` outlives the history.
    """

    stack: Stack
    counts: Counter[str]
    since: int = 0
    placed: list[Order] = field(default_factory=list)
    refunds: list[tuple[str, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    under_way: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def orders(self) -> list[str]:
        """The ids of the orders that were answered."""
        return [order.id for order in self.placed if order.id]

    async def play(self, move: Coroutine[Any, Any, None], *, wait: bool) -> None:
        """Make a move, to its end or beside the moves that follow."""
        task = asyncio.create_task(move)
        self.under_way.add(task)
        if wait:
            await asyncio.wait([task])
        await asyncio.sleep(0.01)

    async def finish(self) -> None:
        """Wait until every move has ended."""
        while self.under_way:
            done, self.under_way = self.under_way, set()
            for outcome in await asyncio.gather(*done, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    self.faults.append(f"a move failed: {outcome!r}")


# Shoppers -------------------------------------------------------------------------------------------------------------


async def check_out(
    history: History, order: Order, items: Sequence[tuple[str, int]], code: str, *, tabs: int, same_key: bool,
    again: int, at_once: bool,
) -> None:  # fmt: skip
    """Place an order in several tabs, and repeat each request until it is answered, and the first one `again` times.

    `at_once`: no time passes in between. After an hour, a request with another key places another order.
    """
    customer = {"name": "Ada Lovelace", "email": f"{uuid.uuid4().hex}@example.com", "phone": "+442071838750"}
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in items]
    body: dict[str, Any] = {"items": lines, "customer": customer} | ({"discount_code": code} if code else {})
    key = uuid.uuid4().hex
    keys = [key if same_key else f"{key}-{tab}" for tab in range(tabs)]
    try:
        answers = await asyncio.gather(*(_until_answered(history, body, key) for key in keys))
        answers += [await _until_answered(history, body, keys[0]) for _ in range(again)]
        placed = [answer for answer in answers if answer is not None]
        if (same_key or at_once) and len(ids := {answer["order_id"] for answer in placed}) > 1:
            history.faults.append(f"one cart, sent {tabs} times at once and {again} times again, made the orders {ids}")
        if placed:
            order.id, order.total = placed[0]["order_id"], placed[0]["amount_total"]
            order.sessions = list(
                dict.fromkeys(answer["session_id"] for answer in placed if answer["order_id"] == order.id)
            )
    finally:
        order.answered.set()


async def _until_answered(history: History, body: dict[str, Any], key: str) -> dict[str, Any] | None:
    for _ in range(_TRIES):
        answer = await post(history.stack, history.counts, "/api/stripe-checkout", body, {"Idempotency-Key": key})
        if answer is not None and answer[0] in (200, 201):
            return answer[1]
        if answer is not None and answer[0] == 422 and body.get("discount_code") == "FIVEOFF":
            return None  # the cart is too small for it
        if answer is not None and answer[0] not in (409, 429, 500, 502, 503):
            history.faults.append(f"a checkout was answered {answer[0]}: {answer[1].get('code')}")
            return None
        await asyncio.sleep(0.3)
    history.faults.append(f"a checkout was not answered in {_TRIES} tries")
    return None


async def pay(history: History, order: Order, method: str, *, newest: bool) -> None:
    """Pay a session of the order, its first or its newest, with a card, or with a debit that completes later."""
    await order.answered.wait()
    if not order.sessions:
        return
    form = {"type": "card", "card[token]": method}
    if method in DEBITS:
        form = {"type": "sepa_debit", "sepa_debit[iban]": method, "billing_details[name]": "Ada",
                "billing_details[email]": "ada@example.com"}  # fmt: skip
    confirm = {"expected_amount": str(order.total)}
    if order.total:
        status, made = await history.stack.stripe("POST", "/v1/payment_methods", form)
        if status != 200:
            return
        confirm["payment_method"] = made["id"]
    path = f"/v1/payment_pages/{order.sessions[-1 if newest else 0]}/confirm"
    status, answer = await history.stack.stripe("POST", path, confirm)
    code = answer.get("error", {}).get("code", "") if status != 200 else ""
    history.counts[f"pay {status} {code}".rstrip()] += 1


async def retry(history: History, order: Order) -> None:
    """Ask for a new way to pay, as the cancel page does."""
    await order.answered.wait()
    if order.id:
        answer = await post(history.stack, history.counts, f"/api/stripe-checkout/{order.id}/retry", None, {})
        if answer is not None and answer[0] == 200 and answer[1]["session_id"] not in order.sessions:
            order.sessions.append(answer[1]["session_id"])


# Operators ------------------------------------------------------------------------------------------------------------


async def operate(history: History, order: Order, command: str, kill_after: float | None, reason: str) -> None:
    """Run an operator's command, killed after some seconds if they are given."""
    await order.answered.wait()
    if not (ref := order.id):
        return
    amount = 100 + len(history.refunds)  # different for every command, to find its refund at Stripe
    arguments: dict[str, tuple[object, ...]] = {
        "refund": ("orders", "refund", ref, "--yes"),
        "refund part": ("orders", "refund", ref, "--amount", amount, "--yes"),
        "cancel": ("orders", "cancel", ref, "--yes"),
        "resend": ("sessions", "resend", ref, "--no-email"),
        "expire": ("sessions", "expire", ref, "--yes"),
        "sync": ("sessions", "sync", ref),
        "reconcile": ("reconcile", "--since", "1h", "--apply", "--rate", "90"),
        "replay": ("events", "replay", "--order", ref, "--yes"),
        "note": ("orders", "note", ref, "called"),
        "ack": ("orders", "ack", ref, reason),
    }
    if command == "refund part":
        history.refunds.append((ref, amount))
    code = await history.stack.command(*arguments[command], kill_after=kill_after)
    history.counts[f"{command} {'killed' if code is None else f'exit {code}'}"] += 1
    if code not in (None, 0, 1, 2, 3, 4, 5):
        history.faults.append(f"{command} of {ref} ended with {code}")


# Stripe ---------------------------------------------------------------------------------------------------------------


async def at_stripe(history: History, order: Order, act: str) -> None:
    """Act as in Stripe's dashboard: refund, dispute or decide, expire a session, or open another one for the order."""
    await order.answered.wait()
    if not order.sessions:
        return
    stack = history.stack
    status, session = await stack.stripe("GET", f"/v1/checkout/sessions/{order.sessions[-1]}?expand[]=payment_intent")
    if status != 200:
        return
    intent = session["payment_intent"]
    path = ""
    form: dict[str, str] = {}
    if act == "expire":
        path = f"/v1/checkout/sessions/{session['id']}/expire"
    elif act == "another session":
        path, form = "/v1/checkout/sessions", {
            "mode": "payment", "client_reference_id": order.id, "success_url": "https://shop.example/",
            "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": session["currency"],
            "line_items[0][price_data][unit_amount]": str(order.total),
            "line_items[0][price_data][product_data][name]": "The same again",
        }  # fmt: skip
    elif intent is not None and act == "refund":
        path, form = "/v1/refunds", {"payment_intent": intent["id"], "amount": "55"}
    elif intent is not None and act == "dispute" and intent["latest_charge"]:
        path, form = f"/v1/test_helpers/charges/{intent['latest_charge']}/dispute", {"reason": "fraudulent"}
    elif intent is not None and act.endswith("dispute"):
        _, disputes = await stack.stripe("GET", f"/v1/disputes?payment_intent={intent['id']}")
        if disputes["data"]:
            path = f"/v1/disputes/{disputes['data'][0]['id']}"
            form = {"evidence[uncategorized_text]": "winning_evidence" if act[0] == "w" else "losing_evidence"}
    if path:
        status, made = await stack.stripe("POST", path, form)
        history.counts[f"{act} at Stripe {status}"] += 1
        if act == "another session" and status == 200:
            order.sessions.append(made["id"])


async def redeliver(history: History, count: int) -> None:
    """Have Stripe send its newest events again."""
    _, page = await history.stack.stripe("GET", f"/v1/events?limit={count}")
    for event in page["data"]:
        await history.stack.stripe("POST", f"/v1/events/{event['id']}/retry", {})


async def trouble(history: History, seed: int, late: float, *, api: bool) -> None:
    """Plan trouble with deliveries, and with answers of the API as well: some come late, after a 500."""
    history.stack.network.share = late if api else 0.0
    await history.stack.plan_trouble()
    await history.stack.plan_trouble(seed=seed, **(TROUBLE if api else DELIVERY_TROUBLE))


async def later(history: History, seconds: float) -> None:
    """Let time pass for everybody.

    Late requests arrive first: no request takes hours, and a day later Stripe would have forgotten its key.
    """
    network = history.stack.network
    share, network.share = network.share, 0.0
    await network.settle()
    network.share = share
    await history.stack.pass_time(seconds)


# Crashes --------------------------------------------------------------------------------------------------------------


async def crash(history: History, what: str, pause: float) -> None:
    """Kill a part of the shop, and let it start again."""
    stack = history.stack
    history.counts[f"crash: {what}"] += 1
    match what:
        case "worker" | "workers":
            for pid in stack.workers()[: None if what == "workers" else 1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(pause)
        case "daemon":
            await stack.kill_daemon()
            await asyncio.sleep(pause)
            await stack.start_daemon()
        case "connections":
            with suppress(asyncpg.PostgresError, OSError):
                await stack.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                 "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")  # fmt: skip
        case "postgres":
            await stack.postgres.crash()
        case "postgres at once":
            await stack.postgres.restart(signal.SIGQUIT)
        case "postgres cleanly":
            await stack.postgres.restart(signal.SIGINT)
        case "fail over":
            await stack.postgres.fail_over()
