"""What needs a person about the stock: products of which more is reserved than there is."""

from __future__ import annotations

from datetime import UTC

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.model.counts import counted
from checkout_daemon.model.todo import TodoItem

_MOST = 200


async def read_short_stock(connection: asyncpg.Connection) -> list[TodoItem]:
    """Return an item for each product with less than no free pieces, those with the least first."""
    return [_short(row) for row in await connection.fetch(sql("short_stock"), _MOST)]


def _short(row: asyncpg.Record) -> TodoItem:
    sku, missing = row["sku"], -row["free"]
    return TodoItem(
        kind="stock_short",
        subject=sku,
        description=f"{counted(missing, 'piece')} of {sku} {'is' if missing == 1 else 'are'} missing: "
        f"{row['reserved']:,} are reserved, and the stock was set to {row['stock']:,}",
        next="Shoppers may still pay for what is reserved, and then somebody waits for pieces that are not there.",
        since=row["since"].astimezone(UTC),
        command=f"checkout stock history {sku}",
        count=missing,
    )
