"""The pages of Stripe's Dashboard about an order's objects."""

from __future__ import annotations

from checkout_daemon.settings import STRIPE_API_BASE


def dashboard_url(stripe_api_base: str, object_id: str, *, livemode: bool) -> str:
    """Return the page of a payment, session or dispute; the sandbox has pages of its own for the first two."""
    if stripe_api_base != STRIPE_API_BASE:
        page = "payments" if object_id.startswith("pi_") else "sessions"
        return f"{stripe_api_base}/#/{page}/{object_id}"
    test = "" if livemode else "test/"
    pages = {"pi_": "payments", "dp_": "disputes", "du_": "disputes"}
    page = pages.get(object_id[:3], "")
    return f"https://dashboard.stripe.com/{test}{f'{page}/' if page else 'search?query='}{object_id}"


def dispute_url(stripe_api_base: str, dispute_id: str, payment_id: str, *, livemode: bool) -> str:
    """Return the page on which a dispute is answered: in the sandbox, that of its payment."""
    own = stripe_api_base == STRIPE_API_BASE
    return dashboard_url(stripe_api_base, dispute_id if own else payment_id, livemode=livemode)
