"""Every index that a webhook may have to write is accounted for in docs/PERFORMANCE.md."""

from __future__ import annotations

from pathlib import Path

import asyncpg

TABLES = (
    "orders", "stripe_events", "stripe_event_payloads", "order_changes", "outbox", "links", "checkout_sessions",
    "payments", "payment_observations", "charges", "refunds", "disputes", "fraud_warnings", "refund_hints",
    "canceled_payments", "stock_reservations", "acts",
)  # fmt: skip
PAGE = Path(__file__).resolve().parents[2] / "docs/PERFORMANCE.md"


async def test_every_index_of_a_webhooks_tables_is_accounted_for(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch("SELECT indexname FROM pg_indexes WHERE tablename = ANY($1)", list(TABLES))
    text = PAGE.read_text(encoding="utf-8")
    assert len(rows) > len(TABLES)
    assert [row["indexname"] for row in rows if f"`{row['indexname']}`" not in text] == []
