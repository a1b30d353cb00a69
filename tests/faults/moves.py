"""The moves of a random history: shoppers, operators, Stripe, crashes and clocks. Each move is a coroutine."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg

from tests.faults.stack import Stack
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
        answer = await _post(history, "/api/stripe-checkout", body, {"Idempotency-Key": key})
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
    answer = await _post(history, f"/api/stripe-checkout/{order['order_id']}/retry", None, {})
    if answer is not None and answer[0] == 200:
        history.orders[order["order_id"]] = answer[1]


async def operate(history: History) -> None:
    """Run an operator's command, killed at a random moment in four of ten cases."""
    if (order := history.any_order()) is None:
        return
    ref = order["order_id"]
    amount = 100 + len(history.refunds)  # different for every command, to find its refund at Stripe
    command = history.random.choice(("refund", "refund", "cancel", "resend", "expire", "sync", "reconcile", "replay"))
    arguments: dict[str, tuple[object, ...]] = {
        "refund": ("orders", "refund", ref, "--amount", amount, "--yes"),
        "cancel": ("orders", "cancel", ref, "--yes"),
        "resend": ("sessions", "resend", ref, "--no-email"),
        "expire": ("sessions", "expire", ref, "--yes"),
        "sync": ("sessions", "sync", ref),
        "reconcile": ("reconcile", "--since", "1h", "--apply", "--rate", "90"),
        "replay": ("events", "replay", "--order", ref, "--yes"),
    }
    if command == "refund":
        history.refunds.append((ref, amount))
    killed = history.random.random() < 0.4
    code = await history.stack.command(
        *arguments[command], kill_after=history.random.uniform(0.3, 3.0) if killed else None
    )
    history.counts[f"{command} {'killed' if code is None else f'exit {code}'}"] += 1
    if code not in (None, 0, 1, 2, 3, 4, 5):
        history.faults.append(f"{command} of {ref} ended with {code}")


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


async def crash(history: History) -> None:
    """Kill a worker, the whole daemon, or every connection of the database."""
    stack, dice = history.stack, history.random.random()
    if dice < 0.5 and (workers := stack.workers()):
        for pid in workers if history.random.random() < 0.3 else workers[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        history.counts["workers killed"] += 1
    elif dice < 0.8:
        with suppress(asyncpg.PostgresError, OSError):
            await stack.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                             "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")  # fmt: skip
        history.counts["connections terminated"] += 1
    else:
        await stack.kill_daemon()
        history.counts["daemon killed"] += 1
        await asyncio.sleep(history.random.uniform(0, 2))
        await stack.start_daemon()


async def mistake_the_time(history: History) -> None:
    """Set the clock of the daemon's machine wrong for a while."""
    stack = history.stack
    error = history.random.choice(CLOCK_ERRORS)
    stack.ours.set(stack.world.offset_seconds + error)
    history.counts[f"clock {error:+d} s"] += 1
    await asyncio.sleep(history.random.uniform(5, 20))
    stack.ours.set(stack.world.offset_seconds)


async def trouble(history: History) -> None:
    """Plan other trouble at Stripe, including late effects, or none for a while."""
    if history.random.random() < 0.2:
        history.stack.network.share = 0.0
        await history.stack.plan_trouble()
    else:
        history.stack.network.share = history.random.choice((0.0, 0.1, 0.3))
        await history.stack.plan_trouble(seed=history.random.randrange(1_000_000), **TROUBLE)


async def later(history: History) -> None:
    """Let time pass for everybody: an hour, or longer than Stripe remembers a key.

    Late requests arrive first: no request takes hours, and a day later Stripe would have forgotten its key.
    """
    network = history.stack.network
    share, network.share = network.share, 0.0
    await network.settle()
    network.share = share
    await history.stack.pass_time(history.random.choice((600, 3600, 3 * 3600, 25 * 3600)))
    history.counts["time passed"] += 1


Move = Callable[[History], Awaitable[None]]
SHOPPERS: tuple[Move, ...] = (check_out, check_out, pay, pay, retry)
OPERATORS: tuple[Move, ...] = (operate, operate, at_stripe, redeliver)
WEATHER: tuple[Move, ...] = (crash, crash, crash, trouble, mistake_the_time, later)


async def _post(
    history: History, path: str, body: object, headers: dict[str, str]
) -> tuple[int, dict[str, Any]] | None:
    """Return the daemon's response, or None if there was none."""
    url = f"{history.stack.url}{path}"
    try:
        async with history.stack.http.post(url, json=body, headers=headers, timeout=_SHOPPER_TIMEOUT) as answer:
            history.counts[f"{path.rpartition('/')[2]} {answer.status}"] += 1
            content: dict[str, Any] = await answer.json(content_type=None)
            return answer.status, content
    except (aiohttp.ClientError, TimeoutError):
        return None
