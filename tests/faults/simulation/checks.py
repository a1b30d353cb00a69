"""What must hold whenever everything has been calm for a while."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from checkout_daemon.backoff import MESSAGE_TRIES
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.merge import Update, merge
from tests.faults.moves import History
from tests.faults.simulation.world import World
from tests.faults.truth import PAID, AtStripe, differences

_MOST_TASKS, _MOST_CONNECTIONS = 120, 40
_FACTS = {"refunds": "refund", "disputes": "dispute", "checkout_sessions": "checkout.session"}
_OLDEST_DAYS = 22
"""CHECKOUT_PAYLOAD_DAYS, a week because weeks are dropped as a whole, and a day."""
_BOUND = "substring(pg_get_expr(relpartbound, oid) FROM $x${word} \\('([^']+)$x$)::timestamptz"
_WEEKS_WITHOUT_PARTITION = f"""
    SELECT day FROM generate_series({{now}}, {{now}} + interval '7 days', '1 day') AS day
    WHERE NOT EXISTS (
        SELECT FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = 'stripe_event_payloads'::regclass
            AND day >= {_BOUND.format(word="FROM")} AND day < {_BOUND.format(word="TO")}
    )
"""
# A dispute that must be answered is announced 7, 2 and 1 days before.
_MOST_IDS = {"dispute.due": 3}


class Checks:
    """Compares everything with Stripe. Orders that have not changed since the last time are compared, not derived."""

    def __init__(self, world: World, history: History) -> None:
        self._world = world
        self._history = history
        self._derived_until = "-infinity"
        self.calm: list[tuple[float, float]] = []
        """When nothing went wrong, and nothing had for a while: from, to."""

    def _rows(self, question: str) -> list[list[str | None]]:
        return self._world.postgres.monitor.rows(question)

    def now(self) -> list[str]:
        """Return everything that differs from what must hold."""
        return [
            *(*self._orders(), *self._facts(), *self._events()),
            *(*self._owed(), *self._messages(), *self._bounds()),
        ]

    def _facts(self) -> list[str]:
        """Return every refund, dispute and session whose status is not what it is at Stripe."""
        faults = []
        for table, kind in _FACTS.items():
            at_stripe = {one["id"]: one["status"] for one in self._world.stripe_itself.every(kind)}
            faults += [
                f"{fact} is stored as {status}, and is {at_stripe.get(str(fact))} at Stripe"
                for fact, status in self._rows(f"SELECT id, status FROM {table}")
                if at_stripe.get(str(fact)) != status
            ]
        return faults

    def _orders(self) -> list[str]:
        held = {
            str(row[0]): row
            for row in self._rows("SELECT id, number, status, amount_refunded, amount_total FROM orders")
        }
        at_stripe = self._at_stripe()
        faults = [f"a session at Stripe of an order that is not held: {key}" for key in at_stripe.keys() - held.keys()]
        faults += [
            f"an order that was answered is not held: {key}" for key in self._history.orders.keys() - held.keys()
        ]
        ours = theirs = 0
        for order_id, (_, number, status, refunded, total) in held.items():
            truth = at_stripe.get(order_id, AtStripe())
            row = {"status": status, "amount_refunded": int(refunded or 0)}
            faults += [f"order {number} {order_id}: {fault}" for fault in differences(row, truth)]
            if truth.payments:
                theirs += truth.paid - truth.refunded
                ours += int(total or 0) - int(refunded or 0)
        if ours != theirs:
            faults.append(f"the shop has {ours} in its books, and {theirs} at Stripe")
        for order_id, amount in self._history.refunds:
            made = [
                refund["id"] for refund in at_stripe.get(order_id, AtStripe()).refunds if refund["amount"] == amount
            ]
            if len(made) > 1:
                faults.append(f"one refund act made {made} of order {order_id}")
        return faults

    def _at_stripe(self) -> dict[str, AtStripe]:
        stripe = self._world.stripe_itself
        refunds: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for refund in stripe.every("refund"):
            refunds[refund["payment_intent"]].append(refund)
        over = ("won", "warning_closed", "prevented")
        disputed = {dispute["payment_intent"] for dispute in stripe.every("dispute") if dispute["status"] not in over}
        found: dict[str, AtStripe] = defaultdict(AtStripe)
        for session in stripe.every("checkout.session"):
            order, intent = found[session["client_reference_id"]], session["payment_intent"]
            order.sessions.append(session)
            order.refunds += refunds.get(intent, [])
            order.disputed |= intent in disputed
            if session["payment_status"] in PAID:
                order.payments += 1
                order.paid += session["amount_total"]
        return dict(found)

    def _events(self) -> list[str]:
        stripe = self._world.stripe_itself
        held = {str(row[0]): row[1] for row in self._rows("SELECT id, status FROM stripe_events")}
        acknowledged = stripe.column(
            "SELECT DISTINCT d.event FROM deliveries d JOIN attempts a ON a.delivery = d.id "
            "WHERE a.status BETWEEN 200 AND 299"
        )
        faults = [f"event {event} was acknowledged and is not held" for event in acknowledged if event not in held]
        faults += stripe.answered_too_early
        sent = {event["id"] for event in stripe.every("event") if event["type"] in EVENT_TYPES}
        faults += [f"event {event} happened at Stripe and is not held" for event in sorted(sent - held.keys())]
        return faults + [f"event {event} is {status}" for event, status in held.items() if status in ("failed", "dead")]

    def _owed(self) -> list[str]:
        """Return what is still to be done, and what was given up."""
        faults = [
            f"message {message} ({kind} by {channel}) is {status}: {error}"
            for message, kind, channel, status, error in self._rows(
                "SELECT id, kind, channel, status, last_error FROM outbox WHERE status IN ('queued', 'failed', 'dead')"
            )
        ]
        faults += [
            f"refund request {request} of order {order} is not answered"
            for request, order in self._rows("SELECT id, order_id FROM refund_requests WHERE answered_at IS NULL")
        ]
        faults += [
            f"attempt {attempt} of order {order} is in doubt"
            for order, attempt in self._rows("SELECT order_id, attempt FROM doubtful_attempts WHERE closed_at IS NULL")
        ]
        now = f"'{self._world.postgres.clock()}'::timestamptz"
        missing = self._rows(_WEEKS_WITHOUT_PARTITION.format(now=now))
        faults += [f"there is no partition for payloads of {week[0]}" for week in missing]
        stray = self._rows("SELECT count(*) FROM stripe_event_payloads_default")[0][0]
        if stray != "0":
            faults.append(f"{stray} payloads are outside of their partitions")
        oldest = f"{now} - interval '{_OLDEST_DAYS} days'"
        old = self._rows(f"SELECT count(*) FROM stripe_event_payloads WHERE received_at < {oldest}")[0][0]
        if old != "0":
            faults.append(f"{old} payloads are kept for longer than they should be")
        return faults

    def _messages(self) -> list[str]:
        received = self._world.received
        held = {str(row[0]): str(row[1]) for row in self._rows("SELECT id, status FROM outbox")}
        faults = [f"message {one} is sent, and nobody received it" for one, status in held.items()
                  if status == "sent" and one not in received.times]  # fmt: skip
        faults += [f"message {one} was received, and is not held" for one in received.times if one not in held]
        for message_id, times in received.times.items():
            if len(times) > MESSAGE_TRIES + 1:
                faults.append(f"message {message_id} was received {len(times)} times")
            if len(times) > 1 and any(begin <= times[-2] and times[-1] <= end for begin, end in self.calm):
                faults.append(f"message {message_id} was received twice although nothing went wrong: {times[-2:]}")
        faults += [
            f"{what} was announced under {sorted(ids)}"
            for what, ids in received.subjects.items()
            if len(ids) > _MOST_IDS.get(what[0], 1)
        ]
        return faults

    def _bounds(self) -> list[str]:
        faults = [f"unexpected: {error}" for error in self._world.loop.unhandled]
        for daemon in self._world.daemons:
            tasks, links = len(daemon.process.tasks), len(daemon.process.connections)
            if tasks > _MOST_TASKS or links > _MOST_CONNECTIONS:
                faults.append(f"{daemon.name} has {tasks} tasks and {links} connections")
        return faults

    async def derived(self, database: Database) -> list[str]:
        """Return the orders that changed since the last time and whose status does not follow from the stored facts."""
        faults: list[str] = []
        until = self._world.postgres.clock()
        changed = self._rows(
            "SELECT id, number, status, amount_refunded FROM orders "
            f"WHERE updated_at > '{self._derived_until}' ORDER BY id"
        )
        for order_id, number, status, refunded in changed:
            async with database.transaction() as connection:
                merged = await merge(connection, [Update("order.checked", "faults", order_ids=[str(order_id)])])
            derived = merged.derived(str(order_id))
            if (derived.status, str(derived.amount_refunded)) != (status, refunded):
                faults.append(f"order {number} is stored as {status} and derived as {derived.status}")
        self._derived_until = until
        return faults
