"""A second order of the same customer and goods within an hour returns to the first or is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.checkout.placing import start_checkout
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.checkout.shopper_view import show_to_shopper
from checkout_daemon.errors import (
    IdempotencyConflict,
    ProbablyPlaced,
)
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.sessions import expire_session, retrieve_session
from tests.support.shopping import a_request, count_rows, paid_order, pay, sessions_at_stripe

# A hundred orders like the only one there is, after it, each with another phone number.
A_HUNDRED_MORE = """
WITH made AS (
    INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                        customer_phone, livemode, created_at)
    SELECT gen_random_uuid(), currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
           '+4930901' || 900 + place, livemode, created_at
    FROM orders, generate_series(0, 99) AS place
    RETURNING id
)
INSERT INTO order_items (order_id, position, sku, name, description, unit_amount, quantity, amount, amount_discount)
SELECT made.id, position, sku, name, description, unit_amount, quantity, amount, amount_discount FROM made, order_items
"""


async def test_an_identical_order_returns_to_the_first_while_that_can_be_paid(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    once = await start_checkout(runtime, a_request(), idempotency_key="one")
    cart = Cart((CartLine("PEN", 3), CartLine("NOTE", 2)))
    ada = Customer(" ADA ", "Ada@example.com", "+4930901820")
    again = await start_checkout(runtime, a_request(cart=cart, customer=ada, request_hash=b"2"), idempotency_key="two")
    third = await start_checkout(runtime, a_request(), idempotency_key=None)
    assert (once.created, again.created, third.created) == (True, False, False)
    assert {(answer.order_id, answer.url) for answer in (once, again, third)} == {(once.order_id, once.url)}
    assert await count_rows(connection, "orders") == 1


async def test_identical_concurrent_orders_are_one(runtime: Runtime, connection: asyncpg.Connection) -> None:
    answers = await asyncio.gather(
        *(start_checkout(runtime, a_request(), idempotency_key=f"key-{number}") for number in range(8))
    )
    assert len({(answer.order_id, answer.url) for answer in answers}) == 1
    assert sum(answer.created for answer in answers) == 1
    assert await count_rows(connection, "orders") == 1
    assert len(await sessions_at_stripe(runtime)) == 1
    # A key keeps its order, even when the order is too old to be reused.
    await connection.execute("UPDATE orders SET created_at = created_at - interval '2 hours'")
    for number in range(8):
        replayed = await start_checkout(runtime, a_request(), idempotency_key=f"key-{number}")
        assert replayed.order_id == answers[0].order_id


async def test_a_key_that_returned_to_an_older_order_fits_no_other_request(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await start_checkout(runtime, a_request(), idempotency_key="one")
    await start_checkout(runtime, a_request(), idempotency_key="two")
    with pytest.raises(IdempotencyConflict):
        await start_checkout(runtime, a_request(request_hash=b"other"), idempotency_key="two")


@pytest.mark.parametrize(
    "changes",
    [
        {"cart": Cart((CartLine("NOTE", 2), CartLine("PEN", 4)))},
        {"customer": Customer("Bo", "bo@example.com", "+4930901820")},
        {"customer": Customer("Ada", "ada@example.com", "+4930901821")},  # corrected after the first attempt
        {"discount_code": "TEN"},
        {"insist": True},
    ],
)
async def test_an_order_with_other_goods_customer_or_terms_is_new(
    runtime: Runtime, connection: asyncpg.Connection, changes: dict[str, Any]
) -> None:
    first_one = await start_checkout(runtime, a_request(), idempotency_key=None)
    other = await start_checkout(runtime, a_request(**changes), idempotency_key=None)
    assert other.created
    assert other.order_id != first_one.order_id


async def test_the_first_order_keeps_its_price_unless_the_shopper_was_shown_another(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    once = await start_checkout(runtime, a_request(expected_total=3399), idempotency_key=None)
    await connection.execute("UPDATE products SET unit_amount = 1000 WHERE sku = 'NOTE'")
    again = await start_checkout(runtime, a_request(expected_total=3399), idempotency_key=None)
    shown = await start_checkout(runtime, a_request(expected_total=2999), idempotency_key=None)
    assert (again.order_id, again.amount_total) == (once.order_id, 3399)
    assert (shown.created, shown.amount_total) == (True, 2999)


async def test_the_last_redemption_that_the_first_order_took_does_not_refuse_the_second(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    once = await start_checkout(runtime, a_request(discount_code="ONCE"), idempotency_key="one")
    again = await start_checkout(runtime, a_request(discount_code="once"), idempotency_key="two")
    assert again.order_id == once.order_id


async def test_an_expired_order_is_reused_with_a_session_that_can_be_paid(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    once = await start_checkout(runtime, a_request(), idempotency_key="one")
    await merge_session(runtime, await expire_session(runtime.gateway, once.session_id), cause="test", actor="test")
    again = await start_checkout(runtime, a_request(), idempotency_key="two")
    assert (again.order_id, again.status) == (once.order_id, "pending")
    assert again.session_id != once.session_id


async def test_a_paid_order_is_not_placed_again_unless_the_shopper_insists(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    paid = await paid_order(runtime)
    for key in (None, "one", "two"):
        with pytest.raises(ProbablyPlaced) as caught:
            await start_checkout(runtime, a_request(discount_code="TEN"), idempotency_key=key)
        assert (caught.value.order_id, caught.value.number) == (str(paid.order_id), paid.number)
    assert await count_rows(connection, "orders") == 1
    assert (await start_checkout(runtime, a_request(insist=True), idempotency_key="two")).created


async def test_an_order_that_only_stripe_knows_is_paid_cannot_be_paid_twice(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    once = await start_checkout(runtime, a_request(), idempotency_key="one")
    await pay(runtime, once.session_id, once.amount_total)
    await connection.execute("UPDATE checkout_sessions SET expires_at = now() + interval '5 minutes'")
    with pytest.raises(ProbablyPlaced):
        await start_checkout(runtime, a_request(), idempotency_key="two")
    assert (await show_to_shopper(runtime, once.session_id)).order.status == "completed"


@pytest.mark.parametrize(
    "customer",
    [Customer("Mallory", "ada@example.com", "+4930901820"), Customer("Ada", "ada@example.com", "+4930901829")],
)
async def test_a_stranger_with_only_the_email_gets_no_link_and_no_reference(
    runtime: Runtime, connection: asyncpg.Connection, customer: Customer
) -> None:
    once = await start_checkout(runtime, a_request(), idempotency_key="one")
    strangers = await start_checkout(runtime, a_request(customer=customer), idempotency_key="two")
    assert strangers.order_id != once.order_id
    assert strangers.url != once.url
    await pay(runtime, once.session_id, once.amount_total)
    await merge_session(runtime, await retrieve_session(runtime.gateway, once.session_id), cause="test", actor="test")
    with pytest.raises(ProbablyPlaced) as caught:
        await start_checkout(runtime, a_request(customer=customer), idempotency_key="three")
    assert (caught.value.order_id, caught.value.number) == (None, None)
    assert str(once.number) not in caught.value.detail


@pytest.mark.parametrize(
    "change", ["created_at = created_at - interval '61 minutes'", "status = 'canceled'", "status = 'refunded'"]
)
async def test_an_old_canceled_or_refunded_order_does_not_prevent_a_new_one(
    runtime: Runtime, connection: asyncpg.Connection, change: str
) -> None:
    await paid_order(runtime)
    await connection.execute(f"UPDATE orders SET {change}")
    assert (await start_checkout(runtime, a_request(), idempotency_key=None)).created


async def test_a_mismatched_payment_counts_as_a_payment(runtime: Runtime, connection: asyncpg.Connection) -> None:
    once = await start_checkout(runtime, a_request(), idempotency_key=None)
    await connection.execute("INSERT INTO payments (id, order_id) VALUES ('pi_x', $1)", str(once.order_id))
    await connection.execute("INSERT INTO payment_observations VALUES ('pi_x', 1, 'eur', false, now())")
    with pytest.raises(ProbablyPlaced):
        await start_checkout(runtime, a_request(), idempotency_key=None)


async def test_only_the_newest_hundred_orders_are_compared(runtime: Runtime, connection: asyncpg.Connection) -> None:
    oldest = Customer("Ada", "ada@example.com", "+4930901800")
    await start_checkout(runtime, a_request(customer=oldest), idempotency_key=None)
    await connection.execute(A_HUNDRED_MORE)
    new = await start_checkout(runtime, a_request(), idempotency_key=None)
    again = await start_checkout(runtime, a_request(), idempotency_key=None)
    assert (new.created, again.created, again.order_id) == (True, False, new.order_id)
    assert await count_rows(connection, "orders") == 102
