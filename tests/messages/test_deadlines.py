"""A dispute near its deadline is alerted to, in each span once, also if it was acknowledged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages.deadlines import alert_about_deadlines, deadline_alert, due_dispute
from checkout_daemon.messages.outcomes import NotNeeded
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.orders.notes import acknowledge
from checkout_daemon.orders.order_lists import read_view
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_order
from tests.support.payments import paid

NOW = datetime.now(UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def order_id(runtime: Runtime, connection: asyncpg.Connection) -> str:
    """Return an order with a dispute that has been open for a month."""
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await runtime.database.run(merge, [paid(order_id, "pi_1")])
    await report(runtime, DisputeStatus.NEEDS_RESPONSE, 30 * DAY)
    await connection.execute("UPDATE disputes SET created_at = now() - interval '30 days'")
    return order_id


async def report(runtime: Runtime, status: DisputeStatus, due_in: timedelta) -> None:
    fact = DisputeFact(
        "dp_1", False, "pi_1", status, NOW + due_in, 5000, "eur", "fraudulent", datetime.now(UTC), f"evt_{status}"
    )
    await runtime.database.run(merge, [Update("test", "stripe", subject_id="pi_1", facts=[fact])])


async def due_in(connection: asyncpg.Connection, left: timedelta) -> None:
    await connection.execute("UPDATE disputes SET due_by = now() + $1", left)


async def alerts(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT subject_id FROM outbox WHERE kind = 'dispute.due' AND channel = 'alert' ORDER BY created_at"
    )
    return [row["subject_id"] for row in rows]


@pytest.mark.parametrize("acknowledged", [False, True])
async def test_each_span_before_the_deadline_alerts_once(
    runtime: Runtime, connection: asyncpg.Connection, order_id: str, acknowledged: bool
) -> None:
    if acknowledged:
        code = AttentionCode.DISPUTE_NEEDS_RESPONSE
        await acknowledge(runtime.database, order_id, code, operator=Operator("ana", "till"))
    seen = []
    for left in (8 * DAY, 7 * DAY - HOUR, 3 * DAY, 2 * DAY - HOUR, DAY - HOUR, HOUR, -HOUR):
        await due_in(connection, left)
        await asyncio.gather(*(alert_about_deadlines(runtime) for _ in range(3)))
        seen.append(await alerts(connection))
    assert [len(found) for found in seen] == [0, 1, 1, 2, 3, 3, 3]
    assert seen[-1] == ["dp_1:7d", "dp_1:2d", "dp_1:1d"]


async def test_of_the_spans_that_passed_while_no_daemon_ran_only_the_shortest_alerts(
    runtime: Runtime, connection: asyncpg.Connection, order_id: str
) -> None:
    await due_in(connection, 20 * HOUR)
    await alert_about_deadlines(runtime)
    assert await alerts(connection) == ["dp_1:1d"]


async def test_a_dispute_that_is_opened_near_its_deadline_is_not_alerted_to_twice_at_once(
    runtime: Runtime, connection: asyncpg.Connection, order_id: str
) -> None:
    await connection.execute("UPDATE disputes SET created_at = now()")
    await due_in(connection, 5 * DAY)
    await alert_about_deadlines(runtime)
    assert await alerts(connection) == []
    await connection.execute("UPDATE disputes SET created_at = now() - interval '4 days'")
    await due_in(connection, DAY)
    await alert_about_deadlines(runtime)
    assert await alerts(connection) == ["dp_1:1d"]


async def test_an_answered_dispute_and_one_of_the_other_mode_are_not_alerted_to(
    runtime: Runtime, connection: asyncpg.Connection, order_id: str
) -> None:
    await due_in(connection, DAY)
    live = replace(runtime, settings=replace(runtime.settings, stripe_api_key="sk_live_0123456789"))
    assert await alert_about_deadlines(live) == 0
    await report(runtime, DisputeStatus.UNDER_REVIEW, DAY)
    assert await alert_about_deadlines(runtime) == 0
    assert await alerts(connection) == []


async def test_an_alert_that_waited_too_long_is_not_sent(
    runtime: Runtime, connection: asyncpg.Connection, order_id: str
) -> None:
    view = await read_view(connection, order_id)
    assert view is not None
    (dispute,) = view.disputes
    assert dispute.due_by is not None
    at = dispute.due_by - 47 * HOUR
    alert = deadline_alert(view, due_dispute(view, "dp_1:2d", at), at)
    assert alert.text.startswith("Order 1001: answer the dispute of €50.00, fraudulent by ")
    assert alert.text.endswith(" UTC, in 47 h")
    assert alert.command == "checkout disputes evidence dp_1"
    with pytest.raises(NotNeeded, match="deadline is over"):
        due_dispute(view, "dp_1:2d", dispute.due_by)
    answered = replace(view, disputes=(replace(dispute, status="under_review"),))
    with pytest.raises(NotNeeded, match="no answer any more"):
        due_dispute(answered, "dp_1:2d", at)
