"""Reads and writes how and where to orders are sent, and the taxes that their totals include."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

import asyncpg

from checkout_daemon.catalog.pricing import TaxLine
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns
from checkout_daemon.model.address import Address
from checkout_daemon.model.shipping import OrderShipping

_ADDRESS = tuple(field.name for field in fields(Address))
_REST = ("rate", "label", "estimate", "carrier", "tracking_number", "tracking_url")


@dataclass(frozen=True, slots=True)
class SellingTerms:
    """The total of an order, and the parts of it that are not its goods. Minor units."""

    amount_total: int
    amount_shipping: int | None = None
    amount_tax: int | None = None
    taxes: Sequence[TaxLine] = ()


async def record_terms(
    connection: asyncpg.Connection, order_id: str, terms: SellingTerms, shipping: OrderShipping | None
) -> None:
    """Complete the terms of an order that this transaction has placed with the total of its goods alone."""
    sent: tuple[str | None, ...] = (None,) * 10
    if shipping is not None:
        to = shipping.address
        sent = (
            *(shipping.rate, shipping.label, shipping.estimate, to.name, to.line1, to.line2, to.city, to.state),
            *(to.postal_code, to.country),
        )
    await connection.execute(
        sql("record_selling_terms"),
        order_id,
        terms.amount_total,
        terms.amount_shipping,
        terms.amount_tax,
        *sent,
        *columns(terms.taxes, "tax_class", "percent", "amount_gross", "amount"),
    )


async def read_shipping(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, OrderShipping]:
    """Return how the orders are sent, by order id. Those that are not sent are absent."""
    rows = await connection.fetch(sql("read_shipping"), list(order_ids))
    return {
        str(row["order_id"]): OrderShipping(
            address=Address(**{name: row[name] for name in _ADDRESS}), **{name: row[name] for name in _REST}
        )
        for row in rows
    }


async def read_taxes(connection: asyncpg.Connection, order_ids: Collection[str]) -> dict[str, tuple[TaxLine, ...]]:
    """Return the taxes that the orders' totals include, by order id. Orders without any are absent."""
    found: defaultdict[str, list[TaxLine]] = defaultdict(list)
    for row in await connection.fetch(sql("read_taxes"), list(order_ids)):
        line = TaxLine(row["tax_class"], row["percent"].normalize(), row["amount_gross"], row["amount"])
        found[str(row["order_id"])].append(line)
    return {order_id: tuple(lines) for order_id, lines in found.items()}
