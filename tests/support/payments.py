"""Updates that report payments, for tests of what follows."""

from __future__ import annotations

from datetime import UTC, datetime

from checkout_daemon.ledger.facts import Link, LinkRank, Observation
from checkout_daemon.ledger.merge import Update

_PAID_AT = datetime(2026, 5, 1, tzinfo=UTC)


def paid(order_id: str, *payment_ids: str, amount: int = 5000) -> Update:
    """Return an update that reports these payments of an order of 50.00 eur."""
    return Update(
        "payment_intent.succeeded",
        "stripe",
        subject_id=payment_ids[0],
        links=[Link(payment_id, order_id, LinkRank.METADATA) for payment_id in payment_ids],
        facts=[Observation(payment_id, amount, "eur", False, _PAID_AT) for payment_id in payment_ids],
    )
