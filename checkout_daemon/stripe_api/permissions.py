"""The permissions that a restricted key needs, each with a call that shows whether the key has it.

Stripe checks the permission before it looks for the object, and no object has the id that is asked for: a key with the
permission is answered 404, one without it 403, and nothing is changed. An upload without a file is answered 400.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from checkout_daemon.errors import StripeRejected
from checkout_daemon.stripe_api.client import StripeDenied, StripeForbidden, StripeGateway

_NOBODY = "checkout_doctor"
_CREATE = "https://dashboard.stripe.com/{mode}apikeys/create?{query}"


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission by Stripe's name for it, the name and the level in Stripe's Dashboard, and what it is needed for."""

    name: str
    resource: str
    level: str
    purpose: str
    method: str  # of the SDK, called with an id that no object has
    optional: bool = False


# fmt: off
PERMISSIONS = (
    Permission("rak_checkout_session_write", "Checkout Sessions", "Write",
               "payment pages: open, read, expire", "checkout.sessions.expire"),
    Permission("rak_coupon_write", "Coupons", "Write", "orders with a discount", "coupons.update"),
    Permission("rak_charge_write", "Charges and Refunds", "Write",
               "refunds; comparing charges", "refunds.update"),
    Permission("rak_payment_intent_read", "PaymentIntents", "Read", "comparing payments", "payment_intents.retrieve"),
    Permission("rak_dispute_read", "Disputes", "Read", "comparing disputes", "disputes.retrieve"),
    Permission("rak_dispute_write", "Disputes", "Write",
               "`checkout disputes submit` and `accept`", "disputes.update", optional=True),
    Permission("rak_file_write", "Files", "Write",
               "the receipt of `checkout disputes submit`", "files.create", optional=True),
    Permission("rak_event_read", "Events", "Read", "fetching events that did not arrive", "events.retrieve"),
    Permission("rak_webhook_read", "Webhook Endpoints", "Read",
               "noticing that Stripe disabled the endpoint", "webhook_endpoints.retrieve"),
    Permission("rak_webhook_write", "Webhook Endpoints", "Write",
               "`checkout webhook create` and `rotate`", "webhook_endpoints.update", optional=True),
    Permission("rak_balance_transaction_source_read", "Balance Transaction Sources", "Read",
               "fees: `checkout report`", "balance_transactions.retrieve", optional=True),
    Permission("rak_payout_read", "Payouts", "Read", "`checkout payouts`", "payouts.retrieve", optional=True),
)
# fmt: on
"""Every permission. Orders need none of the optional ones; those of webhook endpoints may be another key's."""


def is_restricted(api_key: str) -> bool:
    """Return whether the key has only the permissions that somebody gave it."""
    return api_key.startswith("rk_")


async def missing_permissions(gateway: StripeGateway) -> list[Permission]:
    """Ask Stripe which permissions the key lacks. Raise StripeUnavailable, or StripeDenied for a key that is no key."""
    return [permission for permission in PERMISSIONS if not await _has(gateway, permission)]


def creation_url(missing: Sequence[Permission], *, livemode: bool) -> str:
    """Return the page of Stripe's Dashboard that creates a key with every permission, and with these in any case."""
    wanted = [permission for permission in PERMISSIONS if not permission.optional or permission in missing]
    names = {permission.resource: permission.name for permission in wanted}  # write, the later one, includes read
    query = urlencode([("name", "checkout-daemon"), *(("permissions[]", name) for name in names.values())])
    return _CREATE.format(mode="" if livemode else "test/", query=query)


async def _has(gateway: StripeGateway, permission: Permission) -> bool:
    try:
        if permission.method == "files.create":  # without a file, which Stripe refuses after the key
            await gateway.request(permission.method, params={"purpose": "dispute_evidence"})
        else:
            await gateway.request(permission.method, _NOBODY)
    except StripeForbidden:
        return False
    except StripeDenied:
        raise
    except StripeRejected:
        return True
    return True
