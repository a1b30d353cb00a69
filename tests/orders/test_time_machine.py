"""An order as of an earlier time: what it showed at every step of its history, and what is not known any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.errors import NotFound
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.notes import acknowledge, note_order
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.orders.shipping import Parcel, ship_order
from checkout_daemon.orders.time_machine import show_order_at, status_at
from checkout_daemon.runtime import Runtime
from checkout_daemon.stock.counting import set_stock
from tests.checkout.test_reserving import late, sync
from tests.orders.test_erasing import deliver_all
from tests.support.orders import add_expired_order
from tests.support.payments import paid
from tests.support.selling import to_be_sent
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import event_body, refund_object

ADA = Operator("ada", "shop1")


class Diary:
    """What an order showed after each step, with the database's time."""

    def __init__(self, runtime: Runtime, connection: asyncpg.Connection, order_id: str) -> None:
        self._runtime = runtime
        self._connection = connection
        self._order_id = order_id
        self.pages: list[tuple[datetime, Order]] = []

    async def write(self) -> None:
        now: datetime = await self._connection.fetchval("SELECT clock_timestamp()")
        self.pages.append((now, (await show_order(self._runtime.database, self._order_id)).order))

    async def compare(self) -> list[bool]:
        """Compare every page with the time machine. Return for each page whether its attention is still known."""
        known = []
        for at, order in self.pages:
            then = await show_order_at(self._runtime.database, self._order_id, at)
            shown = then.view.order
            assert (shown.status, shown.amount_refunded, shown.paid_at) == (
                order.status, order.amount_refunded, order.paid_at,
            )  # fmt: skip
            assert shown.attention == (order.attention if then.attention_known else ())
            known.append(then.attention_known)
        return known


def dispute(status: str, created: int) -> bytes:
    payload = {
        "id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "charge": "ch_1", "amount": 5000,
        "currency": "eur", "status": status, "reason": "fraudulent", "livemode": False, "evidence_details": {},
    }  # fmt: skip
    return event_body("charge.dispute.updated", payload, event_id=f"evt_{status}", created=created)


async def test_every_step_is_shown_as_it_was(runtime: Runtime, connection: asyncpg.Connection) -> None:
    answer = await paid_order(runtime)
    order_id = str(answer.order_id)
    diary = Diary(runtime, connection, order_id)
    await diary.write()
    payment = (await show_order(runtime.database, order_id)).payments[0].id
    await runtime.database.run(merge, [paid(order_id, "pi_second", amount=answer.amount_total)])
    await diary.write()
    assert diary.pages[-1][1].attention == ("paid_twice",)
    await acknowledge(runtime.database, order_id, "paid_twice", operator=ADA)
    await diary.write()
    await refund(runtime, order_id, RefundOptions(1000, payment), operator=ADA)
    await diary.write()
    await note_order(runtime.database, order_id, "called", operator=ADA)
    await diary.write()
    assert await diary.compare() == [True] * 5


async def test_a_refund_that_failed_later_counted_until_then(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = str((await check_out(runtime)).order_id)
    diary = Diary(runtime, connection, order_id)
    await diary.write()
    await runtime.database.run(merge, [paid(order_id, "pi_1", amount=3399)])
    await diary.write()
    await deliver_all(runtime, event_body("refund.created", refund_object("re_1", "pi_1", 500)))
    await diary.write()
    failed = refund_object("re_1", "pi_1", 500) | {"status": "failed"}
    await deliver_all(runtime, event_body("refund.failed", failed, event_id="evt_failed"))
    await diary.write()
    assert [order.amount_refunded for _, order in diary.pages] == [0, 0, 500, 0]
    assert await diary.compare() == [True] * 4
    then = await show_order_at(runtime.database, order_id, diary.pages[2][0])
    assert (then.changed_since, then.view.refunds[0].status) == ((), "succeeded")
    earlier = await show_order_at(runtime.database, order_id, diary.pages[1][0])
    assert earlier.view.refunds == ()


async def test_a_fraud_warning_asked_for_a_person_until_a_refund_overtook_it(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = str((await check_out(runtime)).order_id)
    await runtime.database.run(merge, [paid(order_id, "pi_1", amount=3399)])
    diary = Diary(runtime, connection, order_id)
    await diary.write()
    now = int(datetime.now(UTC).timestamp())
    for actionable, created in ((True, now - 60), (False, now - 30)):
        warning = {
            "id": "issfr_1", "object": "radar.early_fraud_warning", "payment_intent": "pi_1", "charge": "ch_1",
            "actionable": actionable, "fraud_type": "misc", "created": now - 60, "livemode": False,
        }  # fmt: skip
        kind = f"radar.early_fraud_warning.{'created' if actionable else 'updated'}"
        await deliver_all(runtime, event_body(kind, warning, event_id=f"evt_{actionable}", created=created))
        await diary.write()
    assert [order.attention for _, order in diary.pages] == [(), ("fraud_warning",), ()]
    earlier = await show_order_at(runtime.database, order_id, diary.pages[1][0])
    assert [warning.actionable for warning in earlier.view.fraud_warnings] == [True]
    assert await diary.compare() == [True] * 3


async def test_the_attention_of_a_dispute_that_moved_on_is_not_known_without_its_events_but_the_status_is(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = str((await check_out(runtime)).order_id)
    await runtime.database.run(merge, [paid(order_id, "pi_1", amount=3399)])
    diary = Diary(runtime, connection, order_id)
    now = int(datetime.now(UTC).timestamp())
    await deliver_all(runtime, dispute("needs_response", now - 60))
    await diary.write()
    assert diary.pages[0][1].attention == ("dispute_needs_response",)
    await deliver_all(runtime, dispute("won", now + 3600))
    await diary.write()
    assert [order.status for _, order in diary.pages] == ["disputed", "completed"]
    assert (await diary.compare())[0] is True
    await connection.execute("DELETE FROM stripe_event_payloads")
    assert (await diary.compare())[0] is False


async def test_the_status_is_that_of_the_change_log_whatever_is_held_now(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await add_expired_order(connection)
    before: datetime = await connection.fetchval("SELECT clock_timestamp()")
    await runtime.database.run(merge, [Update("order.noted", "ada@shop1", order_ids=[order_id], always_logged=True)])
    view = await show_order(runtime.database, order_id)
    assert status_at(view.changes, before - timedelta(days=400)) is None
    with pytest.raises(NotFound, match=f"order {view.order.number} did not exist then: it was created at "):
        await show_order_at(runtime.database, order_id, before - timedelta(days=400))
    then = await show_order_at(runtime.database, order_id, datetime.now(UTC) + timedelta(minutes=1))
    assert then.view.order.status == view.order.status
    assert then.view.changes == view.changes


async def test_statuses_are_those_that_events_had_reported_until_then(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = str((await check_out(runtime)).order_id)
    await runtime.database.run(merge, [paid(order_id, "pi_1", amount=3399)])
    now = int(datetime.now(UTC).timestamp())
    refunded = refund_object("re_1", "pi_1", 500)
    times: list[datetime] = []
    for body in (
        event_body("refund.created", refunded | {"status": "pending"}, created=now - 90),
        event_body("refund.updated", refunded, event_id="evt_2", created=now - 80),
        dispute("needs_response", now - 70),
        dispute("won", now - 60),
        event_body("refund.failed", refunded | {"status": "failed"}, event_id="evt_5", created=now - 50),
    ):
        await deliver_all(runtime, body)
        times.append(await connection.fetchval("SELECT clock_timestamp()"))
    shown = [await show_order_at(runtime.database, order_id, at) for at in times]
    assert [then.view.refunds[0].status for then in shown] == ["pending", *["succeeded"] * 3, "failed"]
    assert [[line.status for line in then.view.disputes] for then in shown] == [
        [], [], ["needs_response"], ["won"], ["won"],
    ]  # fmt: skip
    assert [then.attention_known for then in shown] == [True] * 5
    assert [then.changed_since for then in shown] == [()] * 5
    assert shown[2].view.order.attention == ("dispute_needs_response",)
    await connection.execute("DELETE FROM stripe_event_payloads")
    forgotten = await show_order_at(runtime.database, order_id, times[2])
    assert {"dp_1", "re_1"} <= set(forgotten.changed_since)
    assert (forgotten.view.refunds[0].status, forgotten.view.disputes[0].status) == ("unknown", "unknown")
    assert not forgotten.attention_known


async def test_the_attention_of_a_paid_order_that_was_oversold_is_not_known(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await late(runtime, connection, "ask")
    await sync(runtime, answer)
    diary = Diary(runtime, connection, str(answer.order_id))
    await diary.write()
    await acknowledge(runtime.database, str(answer.order_id), "oversold", operator=ADA)
    await diary.write()
    assert [order.attention for _, order in diary.pages] == [("oversold",), ()]
    assert await diary.compare() == [False, False]


async def test_a_parcel_is_shown_from_when_it_was_sent(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = str((await paid_order(runtime)).order_id)
    await to_be_sent(connection, order_id)
    times: list[datetime] = [await connection.fetchval("SELECT clock_timestamp()")]
    for carrier in ("DHL", "UPS"):
        await ship_order(runtime.database, order_id, Parcel(carrier, f"{carrier} 1"), operator=ADA)
        times.append(await connection.fetchval("SELECT clock_timestamp()"))
    views = [(await show_order_at(runtime.database, order_id, at)).view for at in times]
    assert [view.order.shipped_at is None for view in views] == [True, False, False]
    carriers = [None if view.shipping is None else view.shipping.carrier for view in views]
    numbers = [None if view.shipping is None else view.shipping.tracking_number for view in views]
    # Which parcel another one replaced is kept nowhere.
    assert (carriers, numbers) == (["", "", "UPS"], ["", "", "UPS 1"])
