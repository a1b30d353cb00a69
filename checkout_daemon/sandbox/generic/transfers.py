"""Money that leaves or enters the balance: transfers to connected accounts, payouts, top-ups."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.objects.operations import listing_parts, operation, retrieving_part
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.payments import balance
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import add, change_later, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_DAY = 24 * 3600
_REVERSALS = "/v1/transfers/{id}/reversals"


def build_account(_: Box, record: Stored, __: Params) -> None:
    """Build a connected account of the platform."""
    record.body["external_accounts"]["url"] = f"/v1/accounts/{record.id}/external_accounts"
    record.body["controller"]["type"] = "application"
    _grant(record.body)


def revise_account(_: Box, record: Stored, __: Params) -> None:
    """Activate what an update requests."""
    _grant(record.body)


def _grant(body: Body) -> None:
    """Activate the requested capabilities, as happens quickly in test mode."""
    body["capabilities"] = {
        name: asked if isinstance(asked, str) else "active" if asked.get("requested") else "inactive"
        for name, asked in body["capabilities"].items()
    }


def deauthorize(box: Box, _: Stored, __: Params) -> None:
    """Announce that an account has left the platform: its application is deauthorized."""
    application = {"id": new_id("ca_"), "object": "application", "name": "Offline Sandbox"}
    emit(box, "account.application.deauthorized", application)


def build_transfer(box: Box, record: Stored, params: Params) -> None:
    """Build a transfer. Raise ApiError if the balance does not hold its amount."""
    body = record.body
    # The CLI's trigger transfers a whole payment, even if nothing else is left to pay its fee.
    balance.check_funds(box, body["amount"], body["currency"], fees=False)
    booked = balance.book(box, "transfer", -body["amount"], body["currency"], record.id, fee=0)
    group = params.get("transfer_group") or f"group_{new_id('pi_3')}"
    body |= {"balance_transaction": booked["id"], "destination_payment": new_id("py_1"), "transfer_group": group}


def _reverse(box: Box, params: Params, transfer_id: str) -> Body:
    """Reverse a transfer, completely or in part."""
    transfer = box.get(transfer_id, "transfer")
    body = transfer.body
    left = body["amount"] - body["amount_reversed"]
    amount = params.get("amount", left)
    if not 0 < amount <= left:
        raise invalid(f"Reversal amount ({amount}) is greater than unreversed amount on transfer ({left})")
    reversal = new_body(
        "transfer_reversal",
        "trr_1",
        amount=amount,
        currency=body["currency"],
        metadata=merge_metadata({}, params.get("metadata")),
        transfer=transfer_id,
    )
    reversal["balance_transaction"] = balance.book(
        box, "transfer_refund", amount, body["currency"], reversal["id"], fee=0
    )["id"]
    add(box, reversal, parent=transfer_id)
    reversals = first_page(box.storage.children(transfer_id, "transfer_reversal")[::-1], body["reversals"]["url"])
    fields = {"amount_reversed": body["amount_reversed"] + amount, "reversed": amount == left, "reversals": reversals}
    update_and_emit(box, transfer, "transfer.reversed", "transfer.updated", **fields)
    return reversal


def build_payout(box: Box, record: Stored, _: Params) -> None:
    """Build a payout, which arrives the next day. Raise ApiError if the balance does not hold its amount."""
    body = record.body
    balance.check_funds(box, body["amount"], body["currency"])
    booked = balance.book(box, "payout", -body["amount"], body["currency"], record.id, fee=0)
    body |= {"balance_transaction": booked["id"], "arrival_date": stamp() + _DAY}


def plan_arrival(box: Box, record: Stored, _: Params) -> None:
    """Plan the arrival of a payout."""
    change_later(box, record, _DAY, "payout.paid", "payout.updated", status="paid")


def cancel_payout(box: Box, record: Stored, _: Params) -> None:
    """Cancel a pending payout and return its money to the balance."""
    body = record.body
    booked = balance.book(box, "payout_cancel", body["amount"], body["currency"], record.id, fee=0)
    fields = {"status": "canceled", "failure_balance_transaction": booked["id"]}
    update_and_emit(box, record, "payout.canceled", "payout.updated", **fields)


def build_topup(_: Box, record: Stored, __: Params) -> None:
    """State that a top-up is available at once."""
    record.body["expected_availability_date"] = stamp()


def plan_success(box: Box, record: Stored, _: Params) -> None:
    """Let a top-up succeed immediately."""
    body = record.body
    transaction = balance.book(box, "topup", body["amount"], body["currency"], record.id, fee=0)
    change_later(box, record, 0, "topup.succeeded", status="succeeded", balance_transaction=transaction["id"])


def plan_report(box: Box, record: Stored, _: Params) -> None:
    """Complete a report run immediately."""
    change_later(box, record, 0, "reporting.report_run.succeeded", status="succeeded", succeeded_at=stamp())


OPERATIONS = (
    operation(f"POST {_REVERSALS}", _reverse),
    listing_parts(_REVERSALS, "transfer", "transfer_reversal"),
    retrieving_part(_REVERSALS, "transfer_reversal", "transfer reversal"),
)
