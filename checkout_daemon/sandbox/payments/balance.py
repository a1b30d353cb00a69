"""Balance transactions: the effect of each payment, refund and dispute on the account's balance."""

from __future__ import annotations

from collections import defaultdict

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.storage import Body, Stored

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
    at_once: bool = False,
) -> Body:
    """Write a balance transaction. `kind` is charge, payment, refund, payment_refund, adjustment and so on.

    The money of a payment is available after two days, unless `at_once`.
    """
    if fee is None:
        fee = (amount * 29 + 500) // 1000 + 30 if kind == "charge" else 35 if kind == "payment" else 0
    moment = stamp()
    paid = kind in ("charge", "payment")
    pending = paid and not at_once
    details = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees" if paid else "Dispute fee",
        "type": "stripe_fee",
    }
    body = new_body(
        "balance_transaction",
        "txn_",
        amount=amount,
        available_on=moment + (_PENDING_SECONDS if pending else 0),
        currency=currency,
        description=description,
        fee=fee,
        fee_details=[details] if fee else [],
        net=amount - fee,
        reporting_category=category or _CATEGORIES.get(kind, kind),
        source=source,
        status="pending" if pending else "available",
        type=kind,
    )
    return box.storage.add(Stored(body, parent=source, kind=kind)).body


def balance(box: Box) -> Body:
    """Return the account's available and pending balances by currency."""
    sums: dict[str, dict[str, int]] = {"available": defaultdict(int), "pending": defaultdict(int)}
    moment = stamp()
    for record in box.storage.select("balance_transaction"):
        body = record.body
        state = "available" if body["available_on"] <= moment else "pending"
        sums[state][body["currency"]] += body["net"]
        sums["pending" if state == "available" else "available"][body["currency"]] += 0
    parts = {
        state: [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in sorted((found or {"usd": 0}).items())
        ]
        for state, found in sums.items()
    }
    return {"object": "balance", **parts, "livemode": False}


def check_funds(box: Box, amount: int, currency: str, *, fees: bool = True) -> None:
    """Raise ApiError (400) if less than this amount is available, counting payment fees if `fees`."""
    moment = stamp()
    found = box.storage.select("balance_transaction", conditions=[("json_extract(body, '$.currency') = ?", currency)])
    available = sum(
        record.body["net"] if fees else record.body["amount"]
        for record in found
        if record.body["available_on"] <= moment
    )
    if amount > available:
        raise ApiError(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your available "
            "balance by creating Charges using the 4000000000000077 test card. See: "
            "https://stripe.com/docs/testing#available-balance",
            code="balance_insufficient",
        )
