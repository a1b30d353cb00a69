"""Compare every order with Stripe, and the database with itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.merge import Update, merge
from tests.faults.moves import History

_PAID = ("paid", "no_payment_required")
_LIVE_REFUNDS = ("pending", "succeeded", "requires_action")
_OVER = ("won", "warning_closed", "prevented")
_PAID_STATUSES = ("completed", "refunded", "partially_refunded", "disputed")


@dataclass
class AtStripe:
    """One order as Stripe has it; amounts are in minor units."""

    sessions: list[dict[str, Any]] = field(default_factory=list)
    paid: int = 0
    payments: int = 0
    refunds: list[dict[str, Any]] = field(default_factory=list)
    disputed: bool = False

    @property
    def open(self) -> int:
        return sum(session["status"] == "open" for session in self.sessions)

    @property
    def refunded(self) -> int:
        refunded: int = sum(refund["amount"] for refund in self.refunds if refund["status"] in _LIVE_REFUNDS)
        return min(self.paid, refunded)

    @property
    def status(self) -> str | None:
        """The status of an order with these payments, or None if only its sessions decide it."""
        if self.payments and self.disputed:
            return "disputed"
        if self.payments:
            return (
                "completed" if not self.refunded else "refunded" if self.refunded == self.paid else "partially_refunded"
            )
        return None


async def compare(history: History) -> list[str]:
    """Return every difference and every violation; an empty list means success."""
    at_stripe = await _at_stripe(history)
    rows = await history.stack.rows("SELECT id::text, number, status, amount_refunded FROM orders")
    held = {row["id"]: row for row in rows}
    faults = [f"a session at Stripe of an order that is not held: {key}" for key in at_stripe.keys() - held.keys()]
    faults += [f"an order that was answered is not held: {key}" for key in history.orders.keys() - held.keys()]
    faults += [f"number {number} was given {count} times" for number, count in
               Counter(row["number"] for row in rows).items() if count > 1]  # fmt: skip
    for order_id, row in held.items():
        faults += [
            f"order {row['number']}: {fault}" for fault in _differences(row, at_stripe.get(order_id, AtStripe()))
        ]
    faults += _doubled_refunds(history, at_stripe)
    known = {row["id"] for row in await history.stack.rows("SELECT id FROM stripe_events")}
    faults += [f"event {event} was acknowledged and is not held" for event in history.stack.acknowledged() - known]
    faults += await _destroyed(history)
    return faults + await _not_derived(history)


async def _destroyed(history: History) -> list[str]:
    """Return what retention deleted because of a wrong clock: nothing is old enough by the right one."""
    customers = await history.stack.rows(
        "SELECT number FROM orders WHERE customer_email IS NULL OR customer_email = ''"
    )
    payloads = await history.stack.rows(
        "SELECT id FROM stripe_events e WHERE NOT EXISTS (SELECT FROM stripe_event_payloads p WHERE p.event_id = e.id)"
    )
    return [
        *(f"the customer of order {row['number']} was erased" for row in customers),
        *(f"the payload of event {row['id']} was dropped" for row in payloads),
    ]


def _differences(row: Any, truth: AtStripe) -> list[str]:
    faults = []
    if truth.payments > 1:
        faults.append(f"paid {truth.payments} times at Stripe")
    if truth.open > 1:
        faults.append(f"{truth.open} open sessions at Stripe")
    if truth.open and truth.payments:
        faults.append("paid, and another session is still open")
    if truth.refunded != row["amount_refunded"]:
        faults.append(f"amount_refunded is {row['amount_refunded']}, at Stripe {truth.refunded}")
    if (truth.status or row["status"]) != row["status"]:
        faults.append(f"status is {row['status']}, at Stripe {truth.status}")
    if truth.status is None and row["status"] in _PAID_STATUSES:
        faults.append(f"status is {row['status']}, and Stripe holds no payment")
    return faults


def _doubled_refunds(history: History, at_stripe: dict[str, AtStripe]) -> list[str]:
    """Return refunds at Stripe that one command made twice: every refund command requests a different amount."""
    faults = []
    for order_id, amount in history.refunds:
        refunds = at_stripe.get(order_id, AtStripe()).refunds
        made = [refund["id"] for refund in refunds if refund["amount"] == amount]
        if len(made) > 1:
            faults.append(f"one refund command made {made} of order {order_id}")
    return faults


async def _at_stripe(history: History) -> dict[str, AtStripe]:
    stack = history.stack
    refunds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for refund in await stack.every("/v1/refunds"):
        refunds[refund["payment_intent"]].append(refund)
    disputes = await stack.every("/v1/disputes")
    disputed = {dispute["payment_intent"] for dispute in disputes if dispute["status"] not in _OVER}
    found: dict[str, AtStripe] = defaultdict(AtStripe)
    for session in await stack.every("/v1/checkout/sessions"):
        order, intent = found[session["client_reference_id"]], session["payment_intent"]
        order.sessions.append(session)
        order.refunds += refunds.get(intent, [])
        order.disputed |= intent in disputed
        if session["payment_status"] in _PAID:
            order.payments += 1
            order.paid += session["amount_total"]
    return dict(found)


async def _not_derived(history: History) -> list[str]:
    """Return the orders whose stored status does not follow from the stored facts."""
    faults: list[str] = []
    database = Database(history.stack.postgres.url(), max_size=1)
    try:
        for row in await history.stack.rows("SELECT id::text, number, status, amount_refunded FROM orders"):
            async with database.transaction() as connection:
                merged = await merge(connection, [Update("order.checked", "faults", order_ids=[row["id"]])])
            derived = merged.derived(row["id"])
            if (derived.status, derived.amount_refunded) != (row["status"], row["amount_refunded"]):
                faults.append(f"order {row['number']} is stored as {row['status']} and derived as {derived.status}")
    finally:
        await database.close()
    return faults
