"""Set the metrics of what needs a person. A job counts it, so that reading the metrics costs no query."""

from __future__ import annotations

from checkout_daemon.bank.bank_store import last_reading
from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_now
from checkout_daemon.orders.figures import read_trouble
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.catching_up import last_comparison


async def count_trouble(runtime: Runtime) -> None:
    """Set the gauges of orders, events and the comparison with Stripe."""
    if runtime.metrics is None:
        return
    livemode = runtime.settings.livemode
    async with runtime.database.connection() as connection:
        now = await read_now(connection)
        trouble = await read_trouble(connection, now, livemode=livemode)
        oldest = await connection.fetchval(sql("oldest_unapplied"), livemode)
        caught_up, _ = await last_comparison(connection)
        read, read_at = await last_reading(connection, livemode=livemode)
    runtime.metrics.trouble_counted(
        attention=trouble.attention,
        stuck=trouble.stuck,
        events={"failed": trouble.events_failed, "dead": trouble.events_dead},
        oldest=None if oldest is None else max(oldest, 0.0),
    )
    if read is not None:
        runtime.metrics.balance_aged(max((now - read_at).total_seconds(), 0.0))
    if caught_up is not None:
        runtime.metrics.comparison_aged(max((now - caught_up.until).total_seconds(), 0.0))
