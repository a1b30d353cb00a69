"""What needs a person is counted for the metrics, in the mode of the key."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.operations.gauges import count_trouble
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.catching_up import catch_up
from tests.support.orders import add_order

_EVENT = (
    "INSERT INTO stripe_events (id, type, status, livemode, received_at, body_hash)"
    " VALUES ($1, 'charge.refunded', $2, $3, now() - $4::interval, '')"
)


def values(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_orders_events_and_the_comparison_are_counted(runtime: Runtime, connection: asyncpg.Connection) -> None:
    metrics = Metrics()
    await count_trouble(replace(runtime, metrics=metrics))
    assert values(metrics)["checkout_orders_needing_attention"] == 0
    assert values(metrics)["checkout_stripe_events_oldest_unapplied_seconds"] == 0

    order_id = await add_order(connection)
    await connection.execute(
        "UPDATE orders SET attention = ARRAY['duplicate_payment'], status = 'processing',"
        " created_at = now() - interval '15 days' WHERE id = $1",
        order_id,
    )
    hours = [f"{count} hours" for count in range(10)]
    for event, status, live, age in (
        ("evt_1", "failed", False, hours[1]),
        ("evt_2", "dead", False, hours[3]),
        ("evt_3", "dead", False, hours[2]),
        ("evt_4", "dead", True, hours[9]),  # of the other mode
    ):
        await connection.execute(_EVENT.replace("$4::interval", f"interval '{age}'"), event, status, live)
    await catch_up(runtime)
    await count_trouble(replace(runtime, metrics=metrics))
    found = values(metrics)
    assert found["checkout_orders_needing_attention"] == 1
    assert found["checkout_orders_stuck"] == 1
    assert found['checkout_stripe_events_unapplied{status="failed"}'] == 1
    assert found['checkout_stripe_events_unapplied{status="dead"}'] == 2
    assert 3 * 3600 <= found["checkout_stripe_events_oldest_unapplied_seconds"] < 4 * 3600
    assert 0 <= found["checkout_stripe_backfill_gap_seconds"] < 600


async def test_without_metrics_the_database_is_not_asked(runtime: Runtime) -> None:
    nowhere = Database("postgresql://127.0.0.1:9/nowhere")
    await count_trouble(replace(runtime, metrics=None, database=nowhere))
    with pytest.raises(DatabaseUnavailable):
        await count_trouble(replace(runtime, metrics=Metrics(), database=nowhere))
    await nowhere.close()
