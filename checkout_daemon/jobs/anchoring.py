"""Anchors the operator log."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.operator_log import anchor


async def anchor_log(runtime: Runtime) -> int:
    return await anchor(runtime.database)
