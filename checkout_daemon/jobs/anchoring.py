"""Anchors the operator log, and publishes the anchors."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.audit_anchors import publish_anchors
from checkout_daemon.services.operator_log import anchor, keys_of


async def anchor_log(runtime: Runtime) -> int:
    anchored = await anchor(runtime.database, keys_of(runtime.settings))
    if runtime.settings.audit_anchor is not None:
        await publish_anchors(runtime.database, runtime.settings.audit_anchor)
    return anchored
