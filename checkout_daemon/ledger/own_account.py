"""Learns which Stripe account is ours, so that intake can tell its events from others' without asking Stripe."""

from __future__ import annotations

import logging

from checkout_daemon.errors import StripeRejected
from checkout_daemon.ledger.account_store import remember_account
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.accounts import retrieve_own_account

_log = logging.getLogger(__name__)


async def learn_own_account(runtime: Runtime) -> int:
    """Ask Stripe whose the key is and remember it; how many ignored events are tried again because of it.

    Only events that name an account need this: https://docs.stripe.com/connect/webhooks. Raises StripeUnavailable.
    """
    try:
        account = (await retrieve_own_account(runtime.gateway)).object
    except StripeRejected as error:
        _log.warning(
            "the key may not read its account, so an event that names one counts as another's: %s", error.detail
        )
        return 0
    return await runtime.database.run(remember_account, str(account["id"]), livemode=runtime.settings.livemode)
