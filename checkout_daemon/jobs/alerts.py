"""Looks for what the operator must be told of."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.alerting import tell_of_dead_letters, tell_of_disabled_endpoint, tell_of_silence
from checkout_daemon.services.clocks import tell_of_clocks
from checkout_daemon.services.missing_orders import tell_of_missing


async def look_for_dead_letters(runtime: Runtime) -> int:
    return await tell_of_dead_letters(runtime.database)


async def look_for_silence(runtime: Runtime) -> int:
    """Nothing where there is no Stripe to ask."""
    return await tell_of_silence(runtime) if runtime.settings.stripe_api_key else 0


async def look_at_endpoint(runtime: Runtime) -> int:
    return await tell_of_disabled_endpoint(runtime) if runtime.settings.stripe_api_key else 0


async def look_at_clocks(runtime: Runtime) -> int:
    """Compare ours with the database's and, where there is one, Stripe's."""
    return await tell_of_clocks(runtime)


async def look_for_missing_orders(runtime: Runtime) -> int:
    return await tell_of_missing(runtime)
