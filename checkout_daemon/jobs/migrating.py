"""Builds indexes and fills rows that a migration has left for later."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.schema import finish_migrations


async def finish(runtime: Runtime) -> int:
    return await finish_migrations(runtime)
