"""Connected accounts, transfers to them, and reversals."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.objects.operations import listing_parts, operation, retrieving_part
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.payments import balance
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import add, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_REVERSALS = "/v1/transfers/{id}/reversals"


def build_account(_: Box, record: Stored, __: Params) -> None:
    record.body["external_accounts"]["url"] = f"/v1/accounts/{record.id}/external_accounts"
    record.body["controller"]["type"] = "application"
    _grant(record.body)


def revise_account(_: Box, record: Stored, __: Params) -> None:
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
    body = record.body
    # The CLI's trigger transfers a whole payment, even if nothing else is left to pay its fee.
    balance.check_funds(box, body["amount"], body["currency"], fees=False)
    booked = balance.book(box, "transfer", -body["amount"], body["currency"], record.id, fee=0)
    group = params.get("transfer_group") or f"group_{new_id('pi_3')}"
    body |= {"balance_transaction": booked["id"], "destination_payment": new_id("py_1"), "transfer_group": group}


def reverse(box: Box, params: Params, transfer_id: str) -> Body:
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
    found = [record.body for record in reversed(box.storage.children(transfer_id, "transfer_reversal"))]
    reversals = {**body["reversals"], "data": found[:10], "has_more": len(found) > 10}
    fields = {"amount_reversed": body["amount_reversed"] + amount, "reversed": amount == left, "reversals": reversals}
    update_and_emit(box, transfer, "transfer.reversed", "transfer.updated", **fields)
    return reversal


OPERATIONS = (
    operation(f"POST {_REVERSALS}", reverse),
    listing_parts(_REVERSALS, "transfer", "transfer_reversal"),
    retrieving_part(_REVERSALS, "transfer_reversal", "transfer reversal"),
)
