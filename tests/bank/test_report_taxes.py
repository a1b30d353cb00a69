"""Reports of tax and shipping: as the orders have stored them, by rate and country, and never added up twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from checkout_daemon.bank.report_rows import By, Report
from checkout_daemon.bank.reports import read_report
from checkout_daemon.runtime import Runtime
from tests.support.selling import to_be_sent
from tests.support.shopping import check_out, paid_order


async def taxed(connection: asyncpg.Connection, order_id: str, *lines: tuple[str, str, int, int]) -> None:
    """Give an order taxes: class, percent, what is taxed so, and the tax."""
    for place, (tax_class, percent, gross, amount) in enumerate(lines, 1):
        await connection.execute(
            "INSERT INTO order_taxes (order_id, position, tax_class, percent, amount_gross, amount)"
            " VALUES ($1, $2, $3, $4::text::numeric, $5, $6)",
            *(order_id, place, tax_class, percent, gross, amount),
        )
    tax = sum(amount for *_, amount in lines)
    await connection.execute("UPDATE orders SET amount_tax = $2 WHERE id = $1", order_id, tax)


async def report(runtime: Runtime, by: By) -> Report:
    since = datetime.now(UTC) - timedelta(hours=1)
    return await read_report(runtime.database, by, since, since + timedelta(hours=2), "UTC", livemode=False)


async def test_tax_is_reported_by_country_rate_and_class(runtime: Runtime, connection: asyncpg.Connection) -> None:
    sent, digital = str((await paid_order(runtime)).order_id), str((await paid_order(runtime)).order_id)
    unpaid = str((await check_out(runtime)).order_id)
    await to_be_sent(connection, sent)
    await taxed(connection, sent, ("standard", "20", 2400, 400), ("reduced", "5.5", 999, 52))
    await taxed(connection, digital, ("standard", "20", 3000, 500))
    await taxed(connection, unpaid, ("standard", "20", 3399, 567))
    found = await report(runtime, By.TAX)
    assert [(row.key, row.orders, row.paid, row.gross, row.amount_tax) for row in found.rows] == [
        ("20% standard", 2, 1, 3000, 500),
        ("AT 20% standard", 1, 1, 2400, 400),
        ("AT 5.5% reduced", 1, 1, 999, 52),
        (None, 1, 1, 399, 0),
    ]
    (total,) = found.totals
    assert (total.gross, total.amount_tax) == (2 * 3399, 952)


async def test_tax_and_shipping_of_paid_orders_are_in_every_row(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    for tax, shipping in ((567, 490), (100, 0)):
        order = str((await paid_order(runtime)).order_id)
        await connection.execute(
            "UPDATE orders SET amount_tax = $2, amount_shipping = $3, amount_total = amount_total + $3 WHERE id = $1",
            *(order, tax, shipping),
        )
    unpaid = str((await check_out(runtime)).order_id)
    await connection.execute("UPDATE orders SET amount_tax = 9 WHERE id = $1", unpaid)
    expected = {By.DAY: 667, By.CURRENCY: 667, By.DISCOUNT: 667, By.COUNTRY: 667, By.SKU: None}
    for by, tax_found in expected.items():
        (total,) = (await report(runtime, by)).totals
        assert (by, total.amount_tax, total.amount_shipping) == (by, tax_found, 490 if tax_found else None)


async def test_a_shop_that_states_neither_has_none(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await paid_order(runtime)
    (row,) = (await report(runtime, By.DAY)).totals
    assert (row.paid, row.amount_tax, row.amount_shipping) == (1, None, None)
