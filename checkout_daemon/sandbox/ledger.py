"""Balance transactions: what each payment, refund and dispute did to the account's balance."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.storage import Body, Record

_PENDING_SECONDS = 2 * 24 * 3600
DISPUTE_FEE = 1500
_CATEGORIES = {"adjustment": "dispute", "payment": "charge", "payment_refund": "refund"}


def book(
    box: Box,
    kind: str,
    amount: int,
    currency: str,
    source: str,
    *,
    fee: int | None = None,
    description: str | None = None,
    category: str | None = None,
) -> Body:
    """Write a balance transaction: `kind` is charge, payment, refund, payment_refund, adjustment and so on."""
    if fee is None:
        fee = (amount * 29 + 500) // 1000 + 30 if kind == "charge" else 35 if kind == "payment" else 0
    moment = stamp()
    pending = kind in ("charge", "payment")
    details = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees" if pending else "Dispute fee",
        "type": "stripe_fee",
    }
    category = category or _CATEGORIES.get(kind, kind)
    body: Body = {
        "id": new_id("txn_"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": moment + (_PENDING_SECONDS if pending else 0),
        "balance_type": "payments",
        "created": moment,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [details] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "pending" if pending else "available",
        "type": kind,
    }
    return box.storage.add(Record(body, parent=source, kind=kind)).body
