"""Makes the weekly partitions of the payloads ahead of time."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.store.payloads import ensure_partitions


async def make_partitions(runtime: Runtime) -> int:
    async with runtime.database.connection() as connection:
        await ensure_partitions(connection)
    return 0
