"""Insert orders as rows, for tests of code that only reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg

NOW = datetime.now(UTC).replace(microsecond=0)


async def add_order(connection: asyncpg.Connection, *, ago: timedelta = timedelta(), **fields: Any) -> str:
    """Add an order of 12.50 eur, created `ago`, and return its id."""
    order: dict[str, Any] = {
        "id": str(uuid4()),
        "status": "pending",
        "attention": [],
        "currency": "eur",
        "amount_subtotal": 1250,
        "amount_discount": 0,
        "amount_total": 1250,
        "customer_name": "Ada Lovelace",
        "customer_email": "ada@example.com",
        "customer_phone": "+43664123456",
        "livemode": False,
        "created_at": NOW - ago,
    } | fields
    columns = ", ".join(order)
    places = ", ".join(f"${number}" for number in range(1, len(order) + 1))
    await connection.execute(f"INSERT INTO orders ({columns}) VALUES ({places})", *order.values())
    return str(order["id"])


async def add_expired_order(connection: asyncpg.Connection, **fields: Any) -> str:
    """Add an order whose only session has expired, so that its status derives as expired, and return its id."""
    order_id = await add_order(connection, status="expired", **fields)
    session_id = f"cs_{order_id.replace('-', '')}"
    await connection.execute("INSERT INTO links VALUES ($1, $2, 0)", session_id, order_id)
    await connection.execute(
        "INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome)"
        " VALUES ($1, false, $2, 1, 'expired', 'unpaid')",
        session_id,
        order_id,
    )
    return order_id


async def add_charge(connection: asyncpg.Connection, order_id: str, **fields: Any) -> str:
    """Add a charge of an order to Visa 4242, which succeeded a minute after the order, and return its id."""
    number = await connection.fetchval("SELECT count(*) FROM charges")
    charge: dict[str, Any] = {
        "payment_id": f"pi_{number}",
        "id": f"ch_{number}",
        "livemode": False,
        "order_id": order_id,
        "status": "succeeded",
        "method": "card",
        "brand": "visa",
        "last4": "4242",
    } | fields
    columns = ", ".join(charge)
    places = ", ".join(f"${number}" for number in range(1, len(charge) + 1))
    await connection.execute(
        f"INSERT INTO charges ({columns}, ordered_at, order_number, created_at)"
        f" SELECT {places}, created_at, number, created_at + interval '1 minute' FROM orders WHERE id = $4",
        *charge.values(),
    )
    return str(charge["id"])


async def add_change(connection: asyncpg.Connection, order_id: str, note: str, *, notify: bool = True) -> int:
    """Add a change of an order and return its sequence number."""
    seq: int = await connection.fetchval(
        "INSERT INTO order_changes (order_id, from_status, to_status, cause, actor, note)"
        " VALUES ($1, 'pending', 'completed', 'test', 'test', $2) RETURNING seq",
        order_id,
        note,
    )
    if notify:
        await connection.execute("NOTIFY checkout_changes")
    return seq


async def number_of(connection: asyncpg.Connection, order_id: str) -> int:
    number: int = await connection.fetchval("SELECT number FROM orders WHERE id = $1", order_id)
    return number
