"""A batch of refunds whose processes are killed in the middle: each order is refunded once."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from checkout_daemon.runtime import Runtime
from tests.faults.batches import MOMENTS, differences, refund_through_kills
from tests.support.flaky_stripe import FlakyStripe
from tests.support.shopping import paid_order


async def test_every_order_is_refunded_once_whenever_the_command_or_the_daemon_is_killed(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    """The same with 500 orders: make faults PARTS=batches."""
    numbers = [(await paid_order(runtime)).number for _ in range(8)]
    kills = await refund_through_kills(runtime, stripe, connection, database_url, numbers, 6, tmp_path)
    assert kills == dict.fromkeys(MOMENTS, 2)
    assert await differences(runtime, connection, 8) == []
