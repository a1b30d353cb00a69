"""Orders of the release before shipping, tax and stock keep working: a thousand of them, migrated and used."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.session_parameters import session_parameters
from checkout_daemon.database.migrations import code_version, migrate, read_state
from checkout_daemon.database.pool import Database
from checkout_daemon.database.schema_backfills import finish
from checkout_daemon.ledger.merge import merge
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.exporting import export_orders
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_lists import read_view
from checkout_daemon.orders.order_store import read_payable_order
from checkout_daemon.orders.shipping import NotShippable, Parcel, ship_order
from tests.support.cluster import Cluster
from tests.support.old_schemas import make_schema
from tests.support.payments import paid

LAST = 48  # the schema of the release before
ORDERS = 1000
ADA = Operator("ada", "desk")
COLUMNS = (
    "id, number, status, attention, currency, amount_subtotal, amount_discount, amount_total, amount_refunded,"
    " customer_name, customer_email, customer_phone, discount_code, livemode, created_at, updated_at, paid_at"
)
FILL = f"""
INSERT INTO orders (id, status, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, discount_code, livemode, locale, paid_at)
SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'pending' END, 'eur', 5500, 500, 5000, 'Ada ' || n,
       'ada' || n || '@example.com', '+4930901820', 'TEN', false, 'de-AT', CASE WHEN n % 2 = 0 THEN now() END
FROM generate_series(1, {ORDERS}) AS n;
INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)
SELECT id, 1, 'NOTE', 'Notebook', 2750, 2, 5500, 500 FROM orders;
INSERT INTO session_attempts (order_id, attempt, parameters, started_at)
SELECT id, 1, '{{"session": {{}}}}', now() FROM orders;
INSERT INTO links SELECT 'pi_' || number, id::text, 2 FROM orders WHERE status = 'completed';
INSERT INTO payments (id, order_id) SELECT 'pi_' || number, id FROM orders WHERE status = 'completed';
INSERT INTO payment_observations (payment_id, amount, currency, livemode, paid_at)
SELECT 'pi_' || number, 5000, 'eur', false, now() FROM orders WHERE status = 'completed';
"""


@pytest.fixture
async def migrated_url(cluster: Cluster) -> AsyncIterator[str]:
    """Yield a database of the release before, with its orders, after the migration."""
    url = cluster.take_empty()
    connection = await asyncpg.connect(url)
    await make_schema(connection, LAST)
    await connection.execute(FILL)
    before = await connection.fetch(f"SELECT {COLUMNS} FROM order_rows ORDER BY number")
    await migrate(url)
    await finish(url)
    after = await connection.fetch(f"SELECT {COLUMNS} FROM order_rows ORDER BY number")
    assert len(before) == ORDERS
    assert [tuple(row) for row in after] == [tuple(row) for row in before]
    assert (await read_state(connection)).version == code_version()
    await connection.close()
    yield url
    cluster.give_back(url)


async def test_a_thousand_orders_of_the_release_before_keep_working(migrated_url: str) -> None:
    database = Database(migrated_url)
    async with database.connection() as connection:
        extra = await connection.fetchrow(
            "SELECT count(amount_shipping), count(amount_tax), count(shipped_at) FROM order_rows"
        )
        assert extra is not None
        assert tuple(extra) == (0, 0, 0)
        assert await connection.fetchval("SELECT convalidated FROM pg_constraint WHERE conname = 'orders_amounts'")
        completed, pending = [
            str(await connection.fetchval("SELECT id FROM orders WHERE status = $1 ORDER BY number LIMIT 1", status))
            for status in ("completed", "pending")
        ]
    # A shopper pays one of them, another session is made for it, an operator looks, exports, does not ship, and erases.
    await database.run(merge, [paid(pending, "pi_late")])
    async with database.connection() as connection:
        view = await read_view(connection, pending)
        payable = await read_payable_order(connection, pending)
    assert view is not None
    assert (view.order.status, view.shipping, view.taxes, view.order.amount_tax) == ("completed", None, (), None)
    session = session_parameters(payable, 2, "https://shop.example", None)["session"]
    assert [line["price_data"]["unit_amount"] for line in session["line_items"]] == [2750]
    assert "shipping_address_collection" not in session
    with pytest.raises(NotShippable):
        await ship_order(database, completed, Parcel(), operator=ADA)
    pages = [page async for page in export_orders(database, OrderFilter(), limit=None, items=False, selling=True)]
    assert sum(page.orders for page in pages) == ORDERS
    assert {row["shipping_country"] for page in pages for row in page.rows} == {None}
    erased = await erase(database, await plan_erasure(database, completed, customer=False), operator=ADA)
    assert [order.customer_email for order in erased.orders] == [""]
    await database.close()


async def test_an_order_of_the_release_before_still_has_to_add_up(migrated_url: str) -> None:
    connection = await asyncpg.connect(migrated_url)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("UPDATE orders SET amount_total = amount_total + 490")
    await connection.execute("UPDATE orders SET amount_total = amount_total + 490, amount_shipping = 490")
    await connection.close()
