"""The balance at Stripe: its transactions and payouts. https://docs.stripe.com/api/balance_transactions."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from checkout_daemon.stripe_api.client import Fetched, StripeGateway
from checkout_daemon.stripe_api.paging import pages
from checkout_daemon.stripe_api.slices import Slice, pages_of
from checkout_daemon.stripe_api.throttle import Pace

_WITH_SOURCE = {"expand": ["data.source"]}


def lines_between(gateway: StripeGateway, since: int, until: int, pace: Pace) -> AsyncGenerator[list[Fetched], None]:
    """Return pages of the balance transactions that were made between two seconds, with their sources, in any order."""
    return pages_of(gateway, "balance_transactions.list", [Slice(_WITH_SOURCE, since, until)], pace=pace)


def lines_of_payout(gateway: StripeGateway, payout_id: str) -> AsyncGenerator[list[Fetched], None]:
    """Return pages of the balance transactions of an automatic payout, its own included.

    They are complete once its reconciliation is. https://docs.stripe.com/payouts/reconciliation
    """
    return pages(gateway, "balance_transactions.list", params={**_WITH_SOURCE, "payout": payout_id})


def payouts_since(gateway: StripeGateway, since: int) -> AsyncGenerator[list[Fetched], None]:
    """Return pages of the payouts that were made since a second, newest first."""
    return pages(gateway, "payouts.list", params={"created": {"gte": since}})


async def retrieve_payout(gateway: StripeGateway, payout_id: str) -> Fetched:
    """Return a payout. Raise StripeMissing."""
    return await gateway.request("payouts.retrieve", payout_id)
