"""Check that a restricted key may do what the daemon asks of Stripe."""

from __future__ import annotations

from checkout_daemon.errors import CheckoutError
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.stripe_api.permissions import (
    PERMISSIONS,
    Permission,
    creation_url,
    is_restricted,
    missing_permissions,
)

_NAME = "permissions"


async def permissions_suffice(probes: Probes) -> Check:
    """Ask for each permission of a restricted key. A secret key has all of them."""
    key = probes.settings.stripe_api_key or ""
    if not is_restricted(key):
        return Check.skipped(_NAME, "STRIPE_API_KEY is no restricted key (rk_…), so it may do everything")
    try:
        missing = await missing_permissions(probes.gateway)
    except CheckoutError as error:
        return Check.failed(_NAME, f"cannot be checked: {error.detail}", probes.fix_stripe)
    needed = [permission for permission in missing if not permission.optional]
    if needed:
        url = creation_url(missing, livemode=probes.settings.livemode)
        detail = f"STRIPE_API_KEY lacks {', '.join(map(_described, needed))}"
        return Check.failed(_NAME, detail, f"export STRIPE_API_KEY=rk_…  # created at {url}")
    extra = f"; without {', '.join(map(_described, missing))}" if missing else ""
    return Check.passed(
        _NAME, f"all {sum(not permission.optional for permission in PERMISSIONS)} that are needed{extra}"
    )


def _described(permission: Permission) -> str:
    return f"{permission.level} on {permission.resource} ({permission.purpose})"
