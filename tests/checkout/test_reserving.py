"""Counted products are reserved with the order, and sold, released or oversold with it: never more than there are."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.catalog.memory import CatalogMemory
from checkout_daemon.catalog.quotes import quote
from checkout_daemon.checkout.canceling import cancel_order
from checkout_daemon.checkout.placing import CheckoutAnswer, retry_checkout, start_checkout
from checkout_daemon.checkout.releasing import release_lapsed
from checkout_daemon.checkout.sessions import fresh_session, merge_session
from checkout_daemon.errors import InvalidRequest, OutOfStock
from checkout_daemon.model.customer import Customer
from checkout_daemon.orders.notes import acknowledge
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session, retrieve_session
from tests.support.shopping import a_request, check_out, count_rows, paid_order, pay

ADA = Operator("ada", "host")
ONE_NOTE = Cart((CartLine("NOTE", 1),))


@pytest.fixture
async def ten(connection: asyncpg.Connection, runtime: Runtime) -> None:
    await connection.execute("UPDATE products SET stock = 10 WHERE sku = 'NOTE'")


async def level(connection: asyncpg.Connection) -> tuple[int, int]:
    """Return the stock of notebooks, and how many are free."""
    row = await connection.fetchrow("SELECT stock, free FROM stock_levels WHERE sku = 'NOTE'")
    assert row is not None
    return row["stock"], row["free"]


async def states(connection: asyncpg.Connection) -> list[str]:
    return [row["state"] for row in await connection.fetch("SELECT state FROM stock_reservations ORDER BY order_id")]


async def sync(runtime: Runtime, answer: CheckoutAnswer) -> None:
    await merge_session(runtime, await retrieve_session(runtime.gateway, answer.session_id), cause="test", actor="x")


async def expire(runtime: Runtime, answer: CheckoutAnswer) -> None:
    await merge_session(runtime, await expire_session(runtime.gateway, answer.session_id), cause="test", actor="x")


async def take_all(runtime: Runtime, count: int = 10) -> CheckoutAnswer:
    return await check_out(runtime, cart=Cart((CartLine("NOTE", count),)))


@pytest.mark.usefixtures("ten")
async def test_an_order_reserves_what_is_counted_and_sells_it_once_it_is_paid(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    rows = await connection.fetch("SELECT sku, quantity, state, attempt FROM stock_reservations")
    assert [tuple(row) for row in rows] == [("NOTE", 2, "reserved", 1)]  # pens are not counted
    assert await level(connection) == (10, 8)
    await pay(runtime, answer.session_id, answer.amount_total)
    await sync(runtime, answer)
    await sync(runtime, answer)
    assert (await level(connection), await states(connection)) == ((8, 8), ["sold"])
    moved = await connection.fetch("SELECT sku, kind, change, stock, order_id::text FROM stock_movements")
    assert [tuple(row) for row in moved] == [("NOTE", "sold", -2, 8, str(answer.order_id))]


@pytest.mark.usefixtures("ten")
async def test_what_is_not_there_is_refused_and_nothing_is_written(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await take_all(runtime, 7)
    cart = Cart((CartLine("PEN", 1), CartLine("NOTE", 4)), (2, 0))
    for code in (None, "TEN"):
        with pytest.raises(OutOfStock) as caught:
            await check_out(runtime, cart=cart, discount_code=code)
        (fault,) = caught.value.errors
        assert (fault.pointer, fault.code, fault.left) == ("/items/0/quantity", "out_of_stock", 3)
        assert fault.detail == "Only 3 of Notebook are left."
    assert await count_rows(connection, "orders") == await count_rows(connection, "stock_reservations") == 1
    assert await level(connection) == (10, 3)


@pytest.mark.usefixtures("ten")
async def test_a_hundred_and_twenty_eight_shoppers_leave_exactly_ten_payable_orders(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    catalog = CatalogMemory(runtime.database)

    async def buy(number: int) -> CheckoutAnswer | OutOfStock:
        customer = Customer("Ada", f"ada{number}@example.com", "+4930901820")
        request = a_request(cart=ONE_NOTE, customer=customer, discount_code="TEN" if number % 3 == 0 else None)
        try:
            return await start_checkout(runtime, request, idempotency_key=None, catalog=catalog)
        except OutOfStock as refusal:
            return refusal

    answers = await asyncio.gather(*map(buy, range(128)))
    assert sum(isinstance(answer, CheckoutAnswer) for answer in answers) == 10
    assert {fault.left for answer in answers if isinstance(answer, OutOfStock) for fault in answer.errors} == {0}
    assert await count_rows(connection, "orders") == 10
    assert await level(connection) == (10, 0)


@pytest.mark.usefixtures("ten")
async def test_orders_of_several_products_at_once_wait_for_each_other_in_one_sequence(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE products SET stock = 25 WHERE sku = 'PEN'")
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await connection.fetchval(deadlocks)

    async def buy(number: int) -> CheckoutAnswer | None:
        lines = (CartLine("NOTE", 1), CartLine("PEN", 2))
        customer = Customer("Ada", f"ada{number}@example.com", "+4930901820")
        try:
            cart = Cart(lines if number % 2 else lines[::-1])
            answer = await start_checkout(runtime, a_request(cart=cart, customer=customer), idempotency_key=None)
        except OutOfStock:
            return None
        await expire(runtime, answer)
        return answer

    answers = await asyncio.gather(*map(buy, range(64)))
    assert sum(answer is not None for answer in answers) >= 10
    assert await level(connection) == (10, 10)
    assert await connection.fetchval(deadlocks) == before


@pytest.mark.usefixtures("ten")
async def test_the_same_key_again_gets_its_order_although_nothing_is_left(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    request = a_request(cart=Cart((CartLine("NOTE", 10),)))
    once = await start_checkout(runtime, request, idempotency_key="key")
    again = await start_checkout(runtime, request, idempotency_key="key")
    alike = await start_checkout(runtime, request, idempotency_key="other")
    assert once.order_id == again.order_id == alike.order_id
    assert await level(connection) == (10, 0)


@pytest.mark.usefixtures("ten")
async def test_what_expires_or_is_canceled_is_released_and_a_retry_reserves_it_once(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    await expire(runtime, answer)
    assert (await level(connection), await states(connection)) == ((10, 10), ["released"])
    again = await retry_checkout(runtime, str(answer.order_id))
    assert again.session_id != answer.session_id
    assert (await level(connection), await states(connection)) == ((10, 8), ["reserved"])
    same = await retry_checkout(runtime, str(answer.order_id))
    assert same.session_id == again.session_id
    assert await level(connection) == (10, 8)
    await cancel_order(runtime, str(answer.order_id), operator=ADA)
    assert (await level(connection), await states(connection)) == ((10, 10), ["released"])


@pytest.mark.usefixtures("ten")
async def test_pieces_stay_reserved_while_a_session_is_replaced(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    await connection.execute(
        "CREATE TABLE seen (state text);"
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO seen VALUES (NEW.state); RETURN NEW; END';"
        "CREATE TRIGGER seeing AFTER UPDATE ON stock_reservations FOR EACH ROW EXECUTE FUNCTION see();"
    )
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '59 minutes'")
    session = await fresh_session(runtime, str(answer.order_id), actor="x")
    assert session.id != answer.session_id
    assert {row["state"] for row in await connection.fetch("SELECT state FROM seen")} == {"reserved"}
    assert await level(connection) == (10, 8)
    held = await connection.fetchrow("SELECT attempt FROM stock_reservations")
    assert held is not None
    assert held["attempt"] == 2


@pytest.mark.usefixtures("ten")
async def test_a_session_whose_pieces_are_sold_ends_although_it_is_not_replaced(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    await connection.execute("UPDATE stock_reservations SET state = 'released'")
    await connection.execute("UPDATE products SET stock = 1 WHERE sku = 'NOTE'")
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '59 minutes'")
    with pytest.raises(OutOfStock):
        await fresh_session(runtime, str(answer.order_id), actor="x")
    assert await connection.fetchval("SELECT status FROM checkout_sessions") == "expired"


@pytest.mark.usefixtures("ten")
async def test_a_retry_is_refused_if_others_have_what_was_released(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    await expire(runtime, answer)
    await take_all(runtime, 9)
    with pytest.raises(OutOfStock) as caught:
        await retry_checkout(runtime, str(answer.order_id))
    (fault,) = caught.value.errors
    assert (fault.pointer, fault.left) == ("/items/0/quantity", 1)
    assert await connection.fetchval("SELECT count(*) FROM session_attempts") == 2  # nothing was written
    assert await level(connection) == (10, 1)


@pytest.mark.usefixtures("ten")
async def test_a_reservation_lasts_a_quarter_of_an_hour_longer_than_its_session(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await check_out(runtime)
    lasts = await connection.fetchval("SELECT held_until - now() FROM stock_reservations")
    assert timedelta(hours=24, minutes=10) < lasts <= timedelta(hours=24, minutes=15)
    assert await release_lapsed(runtime) == 0
    await connection.execute("UPDATE stock_reservations SET held_until = now()")
    assert await release_lapsed(runtime) == 1
    assert (await level(connection), await states(connection)) == ((10, 10), ["released"])
    assert await release_lapsed(runtime) == 0


@pytest.mark.usefixtures("ten")
async def test_an_order_that_is_being_paid_keeps_its_pieces_until_the_money_fails(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await check_out(runtime)
    iban = {"type": "sepa_debit", "sepa_debit": {"iban": "AT321904300235473204"}}
    iban |= {"billing_details": {"name": "Ada", "email": "ada@example.com"}}
    await pay(runtime, answer.session_id, answer.amount_total, **iban)
    await sync(runtime, answer)
    await connection.execute("UPDATE stock_reservations SET held_until = now()")
    assert await release_lapsed(runtime) == 0
    await sync(runtime, answer)
    assert (await level(connection), await states(connection)) == ((10, 8), ["reserved"])


@pytest.mark.usefixtures("ten")
async def test_orders_that_are_being_paid_do_not_keep_others_from_being_released(
    runtime: Runtime, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_daemon.checkout.releasing._MOST_PER_TURN", 1)
    paying, left = await check_out(runtime), await check_out(runtime)
    await connection.execute("UPDATE orders SET status = 'processing' WHERE id = $1", paying.order_id)
    await connection.execute("UPDATE stock_reservations SET held_until = now() - interval '1 day'")
    await connection.execute("UPDATE stock_reservations SET held_until = now() WHERE order_id = $1", left.order_id)
    assert await release_lapsed(runtime) == 1
    assert await level(connection) == (10, 8)


async def late(runtime: Runtime, connection: asyncpg.Connection, policy: str) -> CheckoutAnswer:
    """Let an order be paid after its reservation has lapsed."""
    answer = await check_out(runtime)
    await connection.execute("UPDATE stock_reservations SET held_until = now(), late = $1", policy)
    await release_lapsed(runtime)
    await pay(runtime, answer.session_id, answer.amount_total)
    return answer


@pytest.mark.usefixtures("ten")
async def test_a_late_payment_takes_the_pieces_again_if_they_are_free(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await late(runtime, connection, "reinstate")
    await sync(runtime, answer)
    order = await read_order(connection, str(answer.order_id))
    assert (order.status, order.attention) == ("completed", ())
    assert (await level(connection), await states(connection)) == ((8, 8), ["sold"])


@pytest.mark.usefixtures("ten")
@pytest.mark.parametrize("policy", ["reinstate", "refund", "ask"])
async def test_a_late_payment_without_pieces_asks_for_a_person(
    runtime: Runtime, connection: asyncpg.Connection, policy: str
) -> None:
    answer = await late(runtime, connection, policy)
    if policy == "reinstate":
        await connection.execute("UPDATE products SET stock = 1 WHERE sku = 'NOTE'")
    before = await level(connection)
    await sync(runtime, answer)
    order = await read_order(connection, str(answer.order_id))
    assert (order.status, order.attention) == ("completed", ("oversold",))
    assert (await level(connection), await states(connection)) == (before, ["oversold"])
    await acknowledge(runtime.database, order.id, "oversold", operator=ADA)
    order = await read_order(connection, str(answer.order_id))
    assert order.attention == ()
    assert (await level(connection), await states(connection)) == ((before[0] - 2, before[1] - 2), ["sold"])


@pytest.mark.usefixtures("ten")
async def test_an_oversold_order_gets_its_pieces_once_there_are_some(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    answer = await late(runtime, connection, "reinstate")
    await connection.execute("UPDATE products SET stock = 1 WHERE sku = 'NOTE'")
    await sync(runtime, answer)
    await connection.execute("UPDATE products SET stock = 3 WHERE sku = 'NOTE'")
    await sync(runtime, answer)
    assert (await read_order(connection, str(answer.order_id))).attention == ()
    assert (await level(connection), await states(connection)) == ((1, 1), ["sold"])


@pytest.mark.usefixtures("ten")
async def test_a_product_that_is_deleted_or_no_longer_counted_is_sold_as_before(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    first, second = await check_out(runtime), await check_out(runtime)
    await connection.execute("UPDATE products SET stock = NULL WHERE sku = 'NOTE'")
    await pay(runtime, first.session_id, first.amount_total)
    await sync(runtime, first)
    await connection.execute("DELETE FROM products WHERE sku = 'NOTE'")
    await pay(runtime, second.session_id, second.amount_total)
    await sync(runtime, second)
    assert await states(connection) == ["sold", "sold"]
    assert await count_rows(connection, "stock_movements") == 0


@pytest.mark.usefixtures("ten")
async def test_quotes_name_what_is_short_like_what_is_unavailable(runtime: Runtime) -> None:
    await take_all(runtime, 8)
    catalog = CatalogMemory(runtime.database)
    with pytest.raises(OutOfStock) as caught:
        await quote(runtime.database, catalog, Cart((CartLine("NOTE", 3),)), None, currency="eur", livemode=False)
    assert [(fault.pointer, fault.left) for fault in caught.value.errors] == [("/items/0/quantity", 2)]
    cart = Cart((CartLine("NOTE", 3), CartLine("NONE", 1)))
    with pytest.raises(InvalidRequest) as both:
        await quote(runtime.database, catalog, cart, None, currency="eur", livemode=False)
    assert {fault.code for fault in both.value.errors} == {"out_of_stock", "unknown_sku"}
    assert type(both.value) is InvalidRequest


@pytest.mark.usefixtures("ten")
async def test_an_order_that_takes_nothing_counted_reserves_nothing(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await paid_order(runtime, cart=Cart((CartLine("PEN", 3),)))
    assert await count_rows(connection, "stock_reservations") == 0
