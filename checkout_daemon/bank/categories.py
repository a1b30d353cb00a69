"""What each category of balance transactions means to a shop. Pure.

Stripe's categories: https://docs.stripe.com/reports/reporting-categories
"""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """The column of a report that a category belongs to."""

    GROSS = "gross"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    FEES = "fees"
    PAYOUTS = "payouts"
    OTHER = "other"


_SIDES = {
    "charge": Side.GROSS,
    "charge_failure": Side.GROSS,
    "partial_capture_reversal": Side.GROSS,
    "refund": Side.REFUNDS,
    "refund_failure": Side.REFUNDS,
    "dispute": Side.DISPUTES,
    "dispute_reversal": Side.DISPUTES,
    "fee": Side.FEES,
    "network_cost": Side.FEES,
    "tax": Side.FEES,
    "payout": Side.PAYOUTS,
    "payout_reversal": Side.PAYOUTS,
}


def side_of(category: str) -> Side:
    """Return the column of a category; OTHER for one that this version does not know, so that no money is left out."""
    return _SIDES.get(category, Side.OTHER)
