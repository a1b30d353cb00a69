"""The stock is set, adjusted and shown; refunds and cancellations put pieces back, or not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.catalog.catalog import list_products
from checkout_daemon.catalog.files import CatalogFile
from checkout_daemon.catalog.stock_levels import MOST_PIECES
from checkout_daemon.checkout.canceling import NotCancelable, cancel_order
from checkout_daemon.checkout.releasing import release_lapsed
from checkout_daemon.errors import InvalidRequest, NotFound
from checkout_daemon.ledger.facts import Act, ActKind
from checkout_daemon.ledger.merge import Update, locked_order, merge
from checkout_daemon.model.stock import StockLine
from checkout_daemon.orders.late_refunds import refund_late_payments
from checkout_daemon.orders.notes import acknowledge
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.orders.refund_items import WantedItem
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.refunding import refund
from checkout_daemon.runtime import Runtime
from checkout_daemon.stock.counting import (
    NotCounted,
    adjust_stock,
    list_stock,
    set_stock,
    stock_history,
    takes_stock,
)
from checkout_daemon.stock.importing import import_as_operator
from checkout_daemon.stripe_api.client import StripeFailed
from checkout_daemon.stripe_api.sessions import retrieve_session
from tests.checkout.test_placing_at_once import until_waiting
from tests.checkout.test_reserving import late, sync
from tests.support.flaky_stripe import FlakyStripe, Request
from tests.support.shopping import check_out, count_rows, first, paid_order

ADA = Operator("ada", "host")


async def note_line(runtime: Runtime) -> StockLine:
    """Return the stock of NOTE."""
    (line,) = [line for line in await list_stock(runtime.database, uncounted=True) if line.sku == "NOTE"]
    return line


async def test_a_stock_is_set_adjusted_and_ended_with_a_history(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    assert (await set_stock(runtime.database, "NOTE", 10, operator=ADA, note="counted")).before is None
    changed = await adjust_stock(runtime.database, "NOTE", -3, operator=ADA, note="broken")
    assert (changed.before, changed.line.stock, changed.line.free) == (10, 7, 7)
    await set_stock(runtime.database, "NOTE", None, operator=ADA)
    moved = await stock_history(runtime.database, "NOTE")
    assert [(one.kind, one.change, one.stock, one.actor, one.note) for one in moved] == [
        ("set", -7, None, "ada@host", ""),
        ("adjusted", -3, 7, "ada@host", "broken"),
        ("set", 10, 10, "ada@host", "counted"),
    ]
    kinds = await connection.fetch("SELECT kind, details FROM operator_log ORDER BY number")
    assert [row["kind"] for row in kinds] == ["stock.set", "stock.adjusted", "stock.set"]
    assert kinds[1]["details"] == '{"after":7,"before":10,"sku":"NOTE"}'


async def test_of_two_who_count_a_product_at_once_the_second_is_refused(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    seen = await note_line(runtime)
    async with connection.transaction():
        await connection.execute("SELECT FROM products WHERE sku = 'NOTE' FOR UPDATE")
        counts = [
            asyncio.create_task(set_stock(runtime.database, "NOTE", stock, operator=ADA, seen=seen)) for stock in (5, 7)
        ]
        await until_waiting(connection, 2)
    answers = await asyncio.gather(*counts, return_exceptions=True)
    assert [isinstance(answer, InvalidRequest) for answer in answers].count(True) == 1
    left = (await note_line(runtime)).stock
    assert [(one.change, one.stock) for one in await stock_history(runtime.database, "NOTE")] == [(left, left)]
    assert await count_rows(connection, "operator_log") == 1


async def test_two_who_count_a_product_at_once_without_a_look_leave_movements_that_add_up(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    async with connection.transaction():
        await connection.execute("SELECT FROM products WHERE sku = 'NOTE' FOR UPDATE")
        counts = [asyncio.create_task(set_stock(runtime.database, "NOTE", stock, operator=ADA)) for stock in (5, 7)]
        await until_waiting(connection, 2)
    before = {done.before for done in await asyncio.gather(*counts)}
    left = (await note_line(runtime)).stock or 0
    assert before == {None, 12 - left}
    assert sum(one.change for one in await stock_history(runtime.database, "NOTE")) == left


async def test_a_stock_may_be_set_below_what_is_reserved(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    await check_out(runtime)
    await check_out(runtime)
    changed = await set_stock(runtime.database, "NOTE", 3, operator=ADA)
    assert (changed.line.stock, changed.line.reserved, changed.line.free) == (3, 4, -1)
    (line,) = await list_stock(runtime.database)
    assert line == changed.line
    assert {line.sku for line in await list_stock(runtime.database, uncounted=True)} >= {"NOTE", "PEN"}


async def test_what_cannot_be_is_refused(runtime: Runtime, connection: asyncpg.Connection) -> None:
    for wrong in (-1, 2**31, MOST_PIECES + 1):
        with pytest.raises(InvalidRequest):
            await set_stock(runtime.database, "NOTE", wrong, operator=ADA)
    with pytest.raises(NotCounted):
        await adjust_stock(runtime.database, "NOTE", 1, operator=ADA)
    for unknown in (set_stock, adjust_stock):
        with pytest.raises(NotFound):
            await unknown(runtime.database, "NONE", 1, operator=ADA)
    with pytest.raises(NotFound):
        await stock_history(runtime.database, "NONE")
    await set_stock(runtime.database, "NOTE", 2, operator=ADA)
    for wrong in (0, -3, 2**31, MOST_PIECES):
        with pytest.raises(InvalidRequest):
            await adjust_stock(runtime.database, "NOTE", wrong, operator=ADA)
    assert (await note_line(runtime)).stock == 2
    assert await count_rows(connection, "operator_log") == 1


async def test_a_refund_puts_pieces_back_also_to_the_largest_stock(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await set_stock(runtime.database, "NOTE", 2, operator=ADA)
    order_id = str((await paid_order(runtime)).order_id)
    await set_stock(runtime.database, "NOTE", MOST_PIECES, operator=ADA)
    await refund(runtime, order_id, RefundOptions(restock=True), operator=ADA, request_id=str(uuid4()))
    assert (await note_line(runtime)).stock == MOST_PIECES + 2


async def test_added_pieces_go_to_oversold_orders_first(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await late(runtime, connection, "reinstate")
    await set_stock(runtime.database, "NOTE", 1, operator=ADA)
    await sync(runtime, answer)
    assert (await note_line(runtime)).oversold == 2
    changed = await adjust_stock(runtime.database, "NOTE", 4, operator=ADA)
    assert (changed.served, changed.line.stock, changed.line.oversold) == ((answer.number,), 3, 0)
    assert (await read_order(connection, str(answer.order_id))).attention == ()


async def test_imported_pieces_go_to_oversold_orders_first(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await late(runtime, connection, "reinstate")
    await set_stock(runtime.database, "NOTE", 1, operator=ADA)
    await sync(runtime, answer)
    (note,) = (product for product in await list_products(runtime.database) if product.sku == "NOTE")
    file = CatalogFile((replace(note, stock=5),))
    report = await import_as_operator(runtime.database, file, operator=ADA)
    line = await note_line(runtime)
    assert (report.served, line.stock, line.oversold) == ((answer.number,), 3, 0)
    assert (await read_order(connection, str(answer.order_id))).attention == ()


async def test_a_refund_puts_its_items_back_only_if_asked_and_only_once(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await paid_order(runtime)
    order_id = str(answer.order_id)
    assert await takes_stock(runtime.database, order_id)
    one = (WantedItem("NOTE", 1),)
    key = str(uuid4())
    for _ in range(2):
        await refund(runtime, order_id, RefundOptions(items=one, restock=True), operator=ADA, request_id=key)
    assert (await note_line(runtime)).stock == 9
    with pytest.raises(InvalidRequest, match="name them"):
        await refund(runtime, order_id, RefundOptions(amount=100, restock=True), operator=ADA)
    await refund(runtime, order_id, RefundOptions(restock=True), operator=ADA)
    assert (await note_line(runtime)).stock == 10
    assert not await takes_stock(runtime.database, order_id)
    kinds = [(moved.kind, moved.change) for moved in await stock_history(runtime.database, "NOTE")]
    assert kinds[:3] == [("restocked", 1), ("restocked", 1), ("sold", -2)]


async def test_what_was_refunded_without_restocking_does_not_come_back_with_the_rest(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    order_id = str((await paid_order(runtime)).order_id)
    await refund(runtime, order_id, RefundOptions(items=(WantedItem("NOTE", 1),)), operator=ADA)
    await refund(runtime, order_id, RefundOptions(restock=True), operator=ADA)
    assert (await note_line(runtime)).stock == 9
    state = await connection.fetchrow("SELECT state, restocked FROM stock_reservations")
    assert state is not None
    assert tuple(state) == ("sold", 1)


@pytest.mark.parametrize(("restock", "stock", "state"), [(True, 10, "released"), (False, 8, "withheld")])
async def test_a_canceled_order_gives_back_what_is_reserved_unless_it_is_withheld(
    runtime: Runtime, connection: asyncpg.Connection, *, restock: bool, stock: int, state: str
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await check_out(runtime)
    await cancel_order(runtime, str(answer.order_id), operator=ADA, restock=restock)
    line = await note_line(runtime)
    assert (line.stock, line.reserved, line.free) == (stock, 0, stock)
    assert await connection.fetchval("SELECT state FROM stock_reservations") == state
    await sync(runtime, answer)
    assert (await note_line(runtime)).stock == stock


async def test_an_order_of_the_other_mode_keeps_its_pieces_and_its_session(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await check_out(runtime)
    live = replace(runtime, settings=replace(runtime.settings, stripe_api_key="sk_live_0123456789"))
    with pytest.raises(NotCancelable, match="a key of the other mode"):
        await cancel_order(live, str(answer.order_id), operator=ADA, restock=False)
    line = await note_line(runtime)
    assert (line.stock, line.reserved, line.free) == (10, 2, 8)
    assert await connection.fetchval("SELECT state FROM stock_reservations") == "reserved"
    assert await connection.fetchval("SELECT status FROM checkout_sessions") == "open"


async def test_what_was_released_long_ago_is_not_withheld(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await check_out(runtime)
    await connection.execute("UPDATE stock_reservations SET held_until = now()")
    await release_lapsed(runtime)
    await cancel_order(runtime, str(answer.order_id), operator=ADA, restock=False)
    assert (await note_line(runtime)).stock == 10


async def test_the_money_of_a_late_payment_goes_back_by_itself_where_that_is_set(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await late(runtime, connection, "refund")
    await sync(runtime, answer)
    assert (await read_order(connection, str(answer.order_id))).attention == ("oversold",)
    assert await refund_late_payments(runtime) == 1
    order = await read_order(connection, str(answer.order_id))
    assert (order.status, order.attention) == ("refunded", ())
    assert await refund_late_payments(runtime) == 0
    assert (await note_line(runtime)).free == 10
    session = await retrieve_session(runtime.gateway, answer.session_id)
    assert session.object["payment_status"] == "paid"


async def test_a_late_order_that_is_acknowledged_while_another_is_refunded_is_left_alone(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answers = [await late(runtime, connection, "refund") for _ in range(2)]
    for answer in answers:
        await sync(runtime, answer)

    async def acknowledge_the_other(request: Request) -> None:
        if (request.method, request.path) == ("POST", "/v1/refunds"):
            await acknowledge(runtime.database, str(answers[1].order_id), "oversold", operator=ADA)

    stripe.before_answer = acknowledge_the_other
    assert await refund_late_payments(runtime) == 1
    statuses = [(await read_order(connection, str(answer.order_id))).status for answer in answers]
    assert statuses == ["refunded", "completed"]


async def test_a_late_order_that_is_being_acknowledged_is_not_refunded(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await late(runtime, connection, "refund")
    await sync(runtime, answer)
    order_id = str(answer.order_id)
    async with runtime.database.transaction() as deciding:
        (item,) = (await locked_order(deciding, order_id)).derived(order_id).attention
        acts = [(order_id, Act(ActKind.ACKNOWLEDGED, item.code.value, item.subject))]
        await merge(deciding, [Update("order.acknowledged", ADA.actor, acts=acts, always_logged=True)])
        turn = asyncio.create_task(refund_late_payments(runtime))
        await until_waiting(connection)
    assert await turn == 0
    order = await read_order(connection, order_id)
    assert (order.status, order.attention) == ("completed", ())
    assert stripe.asked("/v1/refunds") == []
    assert await count_rows(connection, "refund_requests") == 0


async def test_a_late_order_without_an_answer_of_stripe_holds_up_no_other(
    runtime: Runtime, connection: asyncpg.Connection, stripe: FlakyStripe
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answers = [await late(runtime, connection, "refund") for _ in range(2)]
    for answer in answers:
        await sync(runtime, answer)
    stripe.plan = first("fail_500", "/v1/refunds")
    with pytest.raises(StripeFailed):
        await refund_late_payments(runtime)
    statuses = [(await read_order(connection, str(answer.order_id))).status for answer in answers]
    assert statuses == ["completed", "refunded"]


async def test_an_order_whose_money_went_back_takes_no_piece_that_becomes_free_later(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await late(runtime, connection, "reinstate")
    await set_stock(runtime.database, "NOTE", 1, operator=ADA)
    await sync(runtime, answer)
    await refund(runtime, str(answer.order_id), RefundOptions(), operator=ADA)
    await set_stock(runtime.database, "NOTE", 6, operator=ADA)
    await sync(runtime, answer)
    assert (await read_order(connection, str(answer.order_id))).status == "refunded"
    assert (await note_line(runtime)).free == 6


@pytest.mark.parametrize("policy", ["ask", "reinstate"])
async def test_elsewhere_a_person_decides(runtime: Runtime, connection: asyncpg.Connection, policy: str) -> None:
    await set_stock(runtime.database, "NOTE", 10, operator=ADA)
    answer = await late(runtime, connection, policy)
    await set_stock(runtime.database, "NOTE", 1, operator=ADA)
    await sync(runtime, answer)
    assert await refund_late_payments(runtime) == 0
    assert (await read_order(connection, str(answer.order_id))).attention == ("oversold",)


async def test_a_cart_of_other_products_is_not_concerned(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await set_stock(runtime.database, "NOTE", 0, operator=ADA)
    answer = await paid_order(runtime, cart=Cart((CartLine("PEN", 2),)))
    await refund(runtime, str(answer.order_id), RefundOptions(restock=True), operator=ADA)
    assert (await note_line(runtime)).stock == 0
