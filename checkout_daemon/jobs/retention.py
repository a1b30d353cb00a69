"""Ends what is kept for a time only; nothing of it while the clocks differ so much that no age can be believed."""

from __future__ import annotations

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.clocks import clocks_allow
from checkout_daemon.services.erasing import forget_unpaid
from checkout_daemon.services.keeping import delete_spent_coupons, drop_old_payloads
from checkout_daemon.services.secret_matches import forget_old_matches


async def drop_payloads(runtime: Runtime) -> int:
    """And the counts of old."""
    if not await clocks_allow(runtime):
        return 0
    await forget_old_matches(runtime.database)
    return await drop_old_payloads(runtime.database, runtime.settings.payload_days)


async def forget_customers(runtime: Runtime) -> int:
    """Of orders that were never paid."""
    return await forget_unpaid(runtime.database) if await clocks_allow(runtime) else 0


async def delete_coupons(runtime: Runtime) -> int:
    """Nothing where there is no Stripe to ask."""
    return await delete_spent_coupons(runtime) if runtime.settings.stripe_api_key else 0
