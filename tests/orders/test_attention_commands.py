"""The command that fixes an attention is the same wherever it is named, and no refund is advised twice."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest

from checkout_daemon.ledger.facts import Link, LinkRank, Observation, RefundFact, RefundStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.messages.mails import alert_of
from checkout_daemon.messages.outcomes import NotNeeded
from checkout_daemon.messages.shop_webhooks import compose
from checkout_daemon.orders.explaining import explain_order
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_order


def paid_on(order_id: str, payment_id: str, day: int) -> Update:
    """Return an update that reports a payment of 50.00 eur, made on a day of May."""
    return Update(
        "payment_intent.succeeded",
        "stripe",
        subject_id=payment_id,
        links=[Link(payment_id, order_id, LinkRank.METADATA)],
        facts=[Observation(payment_id, 5000, "eur", False, datetime(2026, 5, day, tzinfo=UTC))],
    )


def refunded(refund_id: str, payment_id: str, amount: int, status: RefundStatus = RefundStatus.SUCCEEDED) -> Update:
    fact = RefundFact(refund_id, False, payment_id, status, amount, "eur")
    return Update("refund.updated", "stripe", subject_id=payment_id, facts=[fact])


async def add_paid_order(runtime: Runtime, connection: asyncpg.Connection, **days: int) -> None:
    """Add order 1001 of 50.00 eur, with payments by the day that they were made on."""
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    for payment_id, day in days.items():
        await runtime.database.run(merge, [paid_on(order_id, payment_id, day)])


async def commands(runtime: Runtime, code: str) -> list[str | None]:
    """Return the commands that `orders explain` and then `todo` name for an attention."""
    findings = (await explain_order(runtime.database, "1001")).findings
    items = (await read_todo(runtime.database, runtime.settings)).items
    explained = [finding.command for finding in findings if finding.code == code]
    return explained + [item.command for item in items if item.kind == code]


async def attention_message(connection: asyncpg.Connection) -> ClaimedMessage:
    row = await connection.fetchrow("SELECT * FROM outbox WHERE kind = 'order.attention' AND channel = 'alert'")
    assert row is not None
    return ClaimedMessage(**{name: row[name] for name in ClaimedMessage.__dataclass_fields__ if name in row})


async def test_the_same_duplicate_is_named_everywhere_and_no_other_payment_afterwards(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await add_paid_order(runtime, connection, pi_b=1, pi_a=5)
    message = await attention_message(connection)
    named = "checkout orders refund 1001 --payment pi_a"
    for refund in (None, refunded("re_1", "pi_a", 2000)):
        if refund is not None:
            await runtime.database.run(merge, [refund])
        assert await commands(runtime, "paid_twice") == [named] * 2
        assert (await alert_of(connection, message, livemode=False)).command == named
        assert (await compose(connection, message))["data"]["attention"]["command"] == named
    await runtime.database.run(merge, [refunded("re_2", "pi_a", 3000)])
    assert await commands(runtime, "paid_twice") == []
    with pytest.raises(NotNeeded):
        await alert_of(connection, message, livemode=False)


async def test_a_failed_refund_that_was_made_again_is_not_advised_a_second_time(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await add_paid_order(runtime, connection, pi_1=1)
    await runtime.database.run(merge, [refunded("re_1", "pi_1", 1300, RefundStatus.FAILED)])
    assert await commands(runtime, "refund_failed") == ["checkout orders refund 1001 --amount 1300 --payment pi_1"] * 2
    await runtime.database.run(merge, [refunded("re_2", "pi_1", 1300, RefundStatus.PENDING)])
    assert await commands(runtime, "refund_failed") == ["checkout orders ack 1001 refund_failed"] * 2
    (item,) = (await read_todo(runtime.database, runtime.settings)).items
    assert item.description == "The bank returned the refund re_1, and as much was refunded since then: re_2"


async def test_each_failed_refund_has_the_command_for_its_own_payment(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await add_paid_order(runtime, connection, pi_1=1, pi_2=2)
    for refund_id, payment_id, amount in (("re_1", "pi_1", 1300), ("re_2", "pi_2", 800)):
        await runtime.database.run(merge, [refunded(refund_id, payment_id, amount, RefundStatus.FAILED)])
    expected = [
        "checkout orders refund 1001 --amount 1300 --payment pi_1",
        "checkout orders refund 1001 --amount 800 --payment pi_2",
    ]
    assert await commands(runtime, "refund_failed") == expected * 2
