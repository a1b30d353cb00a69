"""Balance transactions: the effect of each payment, refund and dispute on the account's balance."""

from __future__ import annotations

import json
from collections import defaultdict

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.payments import fees
from checkout_daemon.sandbox.storage import Body, Stored

_DAY = 24 * 3600
_PENDING_SECONDS = 2 * _DAY
_PLANNED = "payouts_planned"
_CONVERTED = ("charge", "payment", "refund", "payment_refund", "refund_failure", "adjustment")
"""What is in the currency of a payment, not in one that the balance has already."""
_CATEGORIES = {
    "adjustment": "dispute",
    "payment": "charge",
    "payment_refund": "refund",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
}


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

    The money of a payment is available after two days, unless `at_once`, and is paid out at the next midnight. `fee` is
    in the currency in which the amount settles; by default it is that of the table in fees.py.
    """
    rate = None
    if kind in _CONVERTED:
        amount, currency, rate = fees.read_settlement(box).convert(amount, currency)
    if fee is None:
        fee = fees.fee_of(kind, amount, currency)
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
        exchange_rate=rate,
        fee=fee,
        fee_details=[details] if fee else [],
        net=amount - fee,
        reporting_category=category or _CATEGORIES.get(kind, kind),
        source=source,
        status="pending" if pending else "available",
        type=kind,
    )
    if kind != "payout":
        _plan_payout(box, body["available_on"])
    return box.storage.add(Stored(body, parent=source, kind=kind)).body


def _plan_payout(box: Box, available_on: int) -> None:
    """Plan the payouts of the midnight after this time, unless they are planned."""
    due = (available_on // _DAY + 1) * _DAY
    planned = json.loads(box.storage.state(_PLANNED) or "[]")
    if due not in planned:
        later = [other for other in planned if other > stamp()]
        box.storage.set_state(_PLANNED, json.dumps([*later, due]))
        box.storage.add_timer("pay_out", float(due), {})


def as_of_now(transaction: Body) -> Body:
    """Return a balance transaction with the status that it has by now: the stored one is that of its first moment."""
    return {**transaction, "status": "available" if transaction["available_on"] <= stamp() else "pending"}


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
