"""Alerts before the deadline of a dispute that waits for an answer, also if its attention was acknowledged."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_now
from checkout_daemon.ledger.derive import UNANSWERED_DISPUTES
from checkout_daemon.messages.outcomes import NotNeeded
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.model.money import format_money
from checkout_daemon.orders.dispute_advice import dispute_advice
from checkout_daemon.orders.order_lists import DisputeLine, OrderView
from checkout_daemon.outbox.outbox_store import owe
from checkout_daemon.runtime import Runtime

BEFORE = (timedelta(days=7), timedelta(days=2), timedelta(days=1))
"""How long before its deadline a dispute is alerted to, each time once. One that is opened later is skipped."""


async def alert_about_deadlines(runtime: Runtime) -> int:
    """Owe an alert for every unanswered dispute whose deadline has come closer, and return how many."""
    async with runtime.database.connection() as connection:
        now = await read_now(connection)
    return await runtime.database.run(_alert, now, runtime.settings.livemode)


def due_dispute(view: OrderView, subject_id: str, now: datetime) -> DisputeLine:
    """Return the dispute that an alert is about. Raise NotNeeded if it was answered, or its time is over."""
    dispute_id = subject_id.partition(":")[0]
    dispute = next((dispute for dispute in view.disputes if dispute.id == dispute_id), None)
    if dispute is None or dispute.status not in UNANSWERED_DISPUTES:
        raise NotNeeded("the dispute waits for no answer any more")
    if dispute.due_by is None or dispute.due_by <= now:
        raise NotNeeded("the dispute's deadline is over")
    return dispute


def deadline_alert(view: OrderView, dispute: DisputeLine, now: datetime) -> Alert:
    """Return the alert about a dispute that is due."""
    assert dispute.due_by is not None
    reason = f", {dispute.reason.replace('_', ' ')}" if dispute.reason else ""
    hours = int((dispute.due_by - now).total_seconds() // 3600)
    left = f"{hours // 24} d" if hours >= 48 else f"{hours} h"
    amount = view.order.amount_total if dispute.amount is None else dispute.amount
    money = format_money(amount, dispute.currency or view.order.currency)
    text = (
        f"Order {view.order.number}: answer the dispute of {money}{reason} "
        f"by {dispute.due_by:%Y-%m-%d %H:%M} UTC, in {left}"
    )
    advice = dispute_advice(dispute.id, dispute.status, view.order.number, over=False)
    return Alert(text, 1, (dispute.id,), advice.command or "checkout todo")


async def _alert(connection: asyncpg.Connection, now: datetime, livemode: bool) -> int:
    found = await connection.fetch(sql("disputes_near_deadline"), now, livemode, list(BEFORE))
    for row in found:
        subject_id = f"{row['id']}:{row['before'].days}d"
        await owe(connection, MessageKind.DISPUTE_DUE, order_id=row["order_id"], subject_id=subject_id)
    return len(found)
