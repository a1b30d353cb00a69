"""Settles what Stripe left open about sessions."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.doubtful_sessions import settle_doubtful_sessions


async def settle_sessions(runtime: Runtime) -> int:
    """Look for doubtful sessions, if there is a Stripe to ask."""
    return await settle_doubtful_sessions(runtime) if runtime.settings.stripe_api_key else 0
