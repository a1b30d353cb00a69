"""Automatic payouts: at each midnight of the sandbox's clock, what is available goes to the bank."""

from __future__ import annotations

from collections import defaultdict

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.payments import balance
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import change_later, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

DAY = 24 * 3600
RECONCILED_SECONDS = 3600
"""How long after a payout its balance transactions are complete."""

PAYOUT_OF_LINE = "json_extract(private, '$.payout')"
"""The payout that a balance transaction is part of."""

_BANK = "ba_1OfflineSandboxBank00"


def pay_out(box: Box, _: Body) -> None:
    """Make a payout for each currency of which more than nothing is available. This is the timer's handler."""
    waiting: dict[str, list[Stored]] = defaultdict(list)
    moment = stamp()
    for line in box.storage.select(
        "balance_transaction", conditions=[(f"{PAYOUT_OF_LINE} IS NULL AND 1 = ?", 1)], ascending=True
    ):
        if line.body["available_on"] <= moment:
            waiting[line.body["currency"]].append(line)
    for currency, lines in sorted(waiting.items()):
        total = sum(line.body["net"] for line in lines)
        if total > 0:
            _make(box, currency, total, lines)


def fail_payout(box: Box, payout: Stored, code: str = "account_closed") -> None:
    """Fail an automatic payout: the bank has returned the money, also after it was paid. Raise ApiError for others."""
    body = payout.body
    if not body["automatic"] or body["status"] not in ("in_transit", "paid"):
        raise invalid(f"Payout {payout.id} cannot fail: its status is {body['status']}.")
    booked = balance.book(box, "payout_failure", body["amount"], body["currency"], payout.id, fee=0)
    failed = {"failure_code": code, "failure_message": "The bank account has been closed."}
    update_and_emit(
        box,
        payout,
        "payout.failed",
        "payout.updated",
        status="failed",
        failure_balance_transaction=booked["id"],
        **failed,
    )


def _make(box: Box, currency: str, total: int, lines: list[Stored]) -> None:
    body = new_body(
        "payout",
        "po_1",
        amount=total,
        arrival_date=stamp() + DAY,
        automatic=True,
        currency=currency,
        description="STRIPE PAYOUT",
        destination=_BANK,
        reconciliation_status="in_progress",
        status="in_transit",
    )
    own = balance.book(box, "payout", -total, currency, body["id"], fee=0, at_once=True)
    body["balance_transaction"] = own["id"]
    payout = box.storage.add(Stored(body))
    for line in [*lines, box.get(own["id"], "balance_transaction")]:
        line.private["payout"] = payout.id
        box.storage.save(line)
    emit(box, "payout.created", body)
    change_later(box, payout, RECONCILED_SECONDS, "payout.reconciliation_completed", reconciliation_status="completed")
    change_later(box, payout, DAY, "payout.paid", "payout.updated", status="paid")
