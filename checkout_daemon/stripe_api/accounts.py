"""The Stripe account that the key belongs to: https://docs.stripe.com/api/accounts/retrieve."""

from __future__ import annotations

from checkout_daemon.stripe_api.client import Fetched, StripeGateway


async def retrieve_own_account(gateway: StripeGateway) -> Fetched:
    """Retrieve the key's account. Raises StripeRejected for a restricted key that may not read it."""
    return await gateway.call("accounts.retrieve", lambda client: client.v1.accounts.retrieve_current_async())
