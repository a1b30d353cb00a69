"""Learns whose the Stripe key is."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.own_account import learn_own_account


async def learn_account(runtime: Runtime) -> int:
    return await learn_own_account(runtime) if runtime.settings.stripe_api_key else 0
