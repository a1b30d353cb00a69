"""Compare orders with Stripe, and the database with itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.merge import Update, merge
from tests.faults.stack import Programs

PAID = ("paid", "no_payment_required")
_LIVE_REFUNDS = ("pending", "succeeded", "requires_action")
_OVER = ("won", "warning_closed", "prevented")
_PAID_STATUSES = ("completed", "refunded", "partially_refunded", "disputed")
_KEPT = timedelta(days=60)  # less than customers' names and payloads are kept
_ORDERS = """
SELECT id::text, number, status, attention, amount_total, amount_refunded,
       (SELECT coalesce(sum(amount), 0)::bigint FROM payment_observations JOIN payments ON payments.id = payment_id
        WHERE order_id = orders.id) AS charged,
       (SELECT coalesce(sum(amount), 0)::bigint FROM refunds JOIN payments ON payments.id = payment_id
        WHERE order_id = orders.id AND refunds.status IN ('pending', 'succeeded', 'requires_action')) AS returned,
       ARRAY(SELECT reason FROM acts WHERE order_id = orders.id) AS acknowledged,
       ARRAY(SELECT attempt::text
             FROM (SELECT * FROM session_attempts WHERE order_id = orders.id ORDER BY attempt DESC LIMIT 1) AS latest
             WHERE session_id IS NULL AND rejected_at IS NULL) AS unanswered
FROM orders WHERE $1::uuid[] IS NULL OR id = ANY($1)
"""


class History(Protocol):
    """What was asked of the running programs: the orders that were answered, and (order, amount) of each refund."""

    @property
    def stack(self) -> Programs: ...

    @property
    def orders(self) -> Collection[str]: ...

    @property
    def refunds(self) -> Sequence[tuple[str, int]]: ...


@dataclass
class AtStripe:
    """One order as Stripe has it; amounts are in minor units. `charged` and `returned` are what Stripe's balance says.

    `ours` are the sessions that the shop made; the others were made in the dashboard.
    """

    sessions: list[dict[str, Any]] = field(default_factory=list)
    paid: int = 0
    payments: int = 0
    refunds: list[dict[str, Any]] = field(default_factory=list)
    disputed: bool = False
    processing: bool = False
    charged: int = 0
    returned: int = 0

    @property
    def ours(self) -> list[dict[str, Any]]:
        return [session for session in self.sessions if "attempt" in session["metadata"]]

    @property
    def open(self) -> bool:
        return any(session["status"] == "open" for session in self.sessions)

    def as_answered(self, unanswered: Collection[str]) -> AtStripe:
        """Return the order with the sessions that the shop made alone, but those of attempts without an answer."""
        return replace(self, sessions=[one for one in self.ours if one["metadata"]["attempt"] not in unanswered])

    @property
    def refunded(self) -> int:
        refunded: int = sum(refund["amount"] for refund in self.refunds if refund["status"] in _LIVE_REFUNDS)
        return min(self.paid, refunded)

    @property
    def statuses(self) -> tuple[str, ...]:
        """Return the statuses that an order with these objects can have: one, if it was paid or is being paid."""
        if self.payments and self.disputed:
            return ("disputed",)
        if self.payments and self.refunded == self.paid > 0:
            return ("refunded",)
        if self.payments:
            total = self.paid // self.payments
            return ("partially_refunded",) if self.paid - self.refunded < total else ("completed",)
        if self.processing:
            return ("processing",)
        if self.open:
            return ("pending",)
        return ("failed", "expired", "canceled") if self.sessions else ("pending", "canceled")


async def compare(history: History) -> list[str]:
    """Return every difference and every violation; an empty list means success."""
    at_stripe = await _at_stripe(history.stack, 0)
    held = {row["id"] for row in await history.stack.rows("SELECT id::text FROM orders")}
    faults = [f"a session at Stripe of an order that is not held: {key}" for key in at_stripe.keys() - held]
    faults += [f"an order that was answered is not held: {key}" for key in set(history.orders) - held]
    faults += await _compare(history.stack, at_stripe, None, history.refunds)
    return faults + await _destroyed(history.stack)


async def compare_since(history: History, since: int) -> list[str]:
    """Compare only a history's own orders, which began at a time by Stripe's clock."""
    at_stripe = await _at_stripe(history.stack, since)
    return await _compare(history.stack, at_stripe, list(history.orders), history.refunds)


async def _compare(
    stack: Programs, at_stripe: dict[str, AtStripe], ids: Sequence[str] | None, refunds: Sequence[tuple[str, int]]
) -> list[str]:
    rows = await stack.rows(_ORDERS, ids)
    held = {row["id"]: row for row in rows}
    faults = [f"an order that was answered is not held: {key}" for key in set(ids or ()) - held.keys()]
    faults += [f"number {number} was given {count} times" for number, count in
               Counter(row["number"] for row in rows).items() if count > 1]  # fmt: skip
    for order_id, row in held.items():
        truth = at_stripe.get(order_id, AtStripe())
        found = [*differences(row, truth), *_further_differences(row, truth)]
        faults += [f"order {row['number']} ({order_id}): {fault}" for fault in found]
    faults += _doubled_refunds(refunds, at_stripe)
    kept = sum(row["charged"] - row["returned"] for row in rows)
    balance = sum(at_stripe[key].charged - at_stripe[key].returned for key in held.keys() & at_stripe.keys())
    if kept != balance:
        faults.append(f"the orders kept {kept}, Stripe's balance of them is {balance}")
    sessions = {row["id"] for row in await stack.rows("SELECT id FROM checkout_sessions WHERE attempt > 0")}
    faults += [f"session {given} was given to a shopper and is not held" for given in stack.given - sessions]
    known = {row["id"] for row in await stack.rows("SELECT id FROM stripe_events")}
    faults += [f"event {event} was acknowledged and is not held" for event in stack.acknowledged() - known]
    unapplied = await stack.rows("SELECT id, status, last_error FROM stripe_events WHERE status IN ('failed', 'dead')")
    faults += [f"event {row['id']} is {row['status']}: {row['last_error']}" for row in unapplied]
    return faults + await _not_derived(stack, list(held.values()))


def differences(row: Any, truth: AtStripe) -> list[str]:
    """Return how an order's status and refunds differ from Stripe's payments of it, and what a shop must not have."""
    faults = []
    if len(paid := [session["id"] for session in truth.ours if session["payment_status"] in PAID]) > 1:
        faults.append(f"two sessions of the shop were paid: {paid}")
    if len(opened := [session["id"] for session in truth.ours if session["status"] == "open"]) > 1:
        faults.append(f"two sessions of the shop are open: {opened}")
    if opened and paid:
        faults.append(f"it is paid, and the shop's session {opened[0]} is still open")
    if truth.refunded != row["amount_refunded"]:
        faults.append(f"amount_refunded is {row['amount_refunded']}, at Stripe {truth.refunded}")
    if truth.payments and row["status"] not in truth.statuses:
        faults.append(f"status is {row['status']}, at Stripe {truth.statuses[0]}")
    if not truth.payments and row["status"] in _PAID_STATUSES:
        faults.append(f"status is {row['status']}, and Stripe holds no payment")
    return faults


def _further_differences(row: Any, truth: AtStripe) -> list[str]:
    """Return how an order's unpaid status, money and attention differ from Stripe's objects."""
    faults = []
    # Of an open session that was made in the dashboard there is no event. And if the shop was killed before it read the
    # answer about its latest attempt, no shopper was given that session: whoever asks again gets it. The order's status
    # may be as without these.
    answered = truth.as_answered(row["unanswered"])
    if not truth.payments and row["status"] not in (*truth.statuses, *answered.statuses):
        faults.append(f"status is {row['status']}, at Stripe {' or '.join(truth.statuses)}")
    if (truth.charged, truth.returned) != (row["charged"], row["returned"]):
        faults.append(f"it took and returned {row['charged']}, {row['returned']}, by Stripe's balance {truth.charged}, "
                      f"{truth.returned}")  # fmt: skip
    noticed = (*row["attention"], *row["acknowledged"])
    twice = truth.paid - truth.refunded > row["amount_total"]
    if twice and "paid_twice" not in noticed:
        faults.append("it is paid twice, and nobody is told")
    if not twice and "paid_twice" in row["attention"]:
        faults.append("it needs attention for paid_twice, and is paid once")
    if any(refund["status"] == "failed" for refund in truth.refunds) and "refund_failed" not in noticed:
        faults.append("a refund failed, and nobody is told")
    return faults


def _doubled_refunds(requested: Sequence[tuple[str, int]], at_stripe: dict[str, AtStripe]) -> list[str]:
    """Return refunds at Stripe that one command made twice: every refund command requests a different amount."""
    faults = []
    for (order_id, amount), times in Counter(requested).items():
        refunds = at_stripe.get(order_id, AtStripe()).refunds
        made = [refund["id"] for refund in refunds if refund["amount"] == amount]
        if len(made) > times:
            faults.append(f"one refund command made {made} of order {order_id}")
    return faults


async def _at_stripe(stack: Programs, since: int) -> dict[str, AtStripe]:
    found: dict[str, AtStripe] = defaultdict(AtStripe)
    order_of: dict[str, AtStripe] = {}
    for session in await stack.every("/v1/checkout/sessions", since):
        order = found[session["client_reference_id"]]
        order.sessions.append(session)
        order_of[session["payment_intent"] or session["id"]] = order
        if session["payment_status"] in PAID:
            order.payments += 1
            order.paid += session["amount_total"]
    # What happened to the orders of earlier histories meanwhile is left to the last comparison.
    for intent in await stack.every("/v1/payment_intents", since):
        if (owner := order_of.get(intent["id"])) is not None:
            owner.processing |= intent["status"] == "processing"
    for charge in await stack.every("/v1/charges", since):
        if (owner := order_of.get(charge["payment_intent"])) is not None:
            order_of[charge["id"]] = owner
    for refund in await stack.every("/v1/refunds", since):
        if (owner := order_of.get(refund["payment_intent"])) is not None:
            order_of[refund["id"]] = owner
            owner.refunds.append(refund)
    for dispute in await stack.every("/v1/disputes", since):
        if (owner := order_of.get(dispute["payment_intent"])) is not None:
            owner.disputed |= dispute["status"] not in _OVER
    for transaction in await stack.every("/v1/balance_transactions", since):
        if (owner := order_of.get(transaction["source"])) is None:
            continue
        match transaction["reporting_category"]:
            case "charge":
                owner.charged += transaction["amount"]
            case "refund" | "refund_failure":
                owner.returned -= transaction["amount"]
    return dict(found)


async def _not_derived(stack: Programs, rows: Sequence[Any]) -> list[str]:
    """Return the orders whose stored status does not follow from the stored facts."""
    faults: list[str] = []
    database = Database(stack.database_url, max_size=1)
    try:
        for row in rows:
            async with database.transaction() as connection:
                merged = await merge(connection, [Update("order.checked", "faults", order_ids=[row["id"]])])
            derived = merged.derived(row["id"])
            if (derived.status, derived.amount_refunded, derived.attention_codes) != (
                row["status"], row["amount_refunded"], row["attention"]
            ):  # fmt: skip
                faults.append(f"order {row['number']} is stored as {row['status']} and derived as {derived.status}")
    finally:
        await database.close()
    return faults


async def _destroyed(stack: Programs) -> list[str]:
    """Return what retention deleted because of a wrong clock: none of it is old enough by the right one."""
    recent = datetime.fromtimestamp(await stack.now(), UTC) - _KEPT
    customers = await stack.rows(
        "SELECT number FROM orders WHERE (customer_email IS NULL OR customer_email = '') AND created_at > $1", recent
    )
    payloads = await stack.rows(
        "SELECT id FROM stripe_events e WHERE received_at > $1"
        " AND NOT EXISTS (SELECT FROM stripe_event_payloads p WHERE p.event_id = e.id)",
        recent,
    )
    return [
        *(f"the customer of order {row['number']} was erased" for row in customers),
        *(f"the payload of event {row['id']} was dropped" for row in payloads),
    ]
