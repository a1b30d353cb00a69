"""Asks Stripe for what was not delivered; nothing where there is no Stripe to ask."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.catching_up import catch_up, follow_hints, sweep_expired


async def backfill_events(runtime: Runtime) -> int:
    return await catch_up(runtime) if runtime.settings.stripe_api_key else 0


async def follow_refund_hints(runtime: Runtime) -> int:
    return await follow_hints(runtime) if runtime.settings.stripe_api_key else 0


async def sweep_sessions(runtime: Runtime) -> int:
    return await sweep_expired(runtime) if runtime.settings.stripe_api_key else 0
