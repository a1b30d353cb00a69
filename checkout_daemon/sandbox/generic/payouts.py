"""Payouts to the account's bank, which arrive the next day, and top-ups, which succeed immediately."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.generic.delayed_changes import change_later
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import balance
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.webhooks.changes import require_status, update_and_emit

_DAY = 24 * 3600


def build_payout(box: Box, record: Stored, _: Params) -> None:
    body = record.body
    balance.check_funds(box, body["amount"], body["currency"])
    booked = balance.book(box, "payout", -body["amount"], body["currency"], record.id, fee=0)
    body |= {"balance_transaction": booked["id"], "arrival_date": stamp() + _DAY}


def plan_arrival(box: Box, record: Stored, _: Params) -> None:
    change_later(box, record, _DAY, "payout.paid", "payout.updated", status="paid")


def cancel_payout(box: Box, record: Stored, _: Params) -> None:
    require_status(record, "cancel", "pending")
    body = record.body
    booked = balance.book(box, "payout_cancel", body["amount"], body["currency"], record.id, fee=0)
    fields = {"status": "canceled", "failure_balance_transaction": booked["id"]}
    update_and_emit(box, record, "payout.canceled", "payout.updated", **fields)


def build_topup(_: Box, record: Stored, __: Params) -> None:
    record.body["expected_availability_date"] = stamp()


def plan_success(box: Box, record: Stored, _: Params) -> None:
    body = record.body
    transaction = balance.book(box, "topup", body["amount"], body["currency"], record.id, fee=0)
    change_later(box, record, 0, "topup.succeeded", status="succeeded", balance_transaction=transaction["id"])


def plan_report(box: Box, record: Stored, _: Params) -> None:
    """Complete a report run immediately."""
    change_later(box, record, 0, "reporting.report_run.succeeded", status="succeeded", succeeded_at=stamp())
