"""Customers' cash balances: bank transfers _fund them, and they pay the PaymentIntents that wait for a transfer."""

from __future__ import annotations

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.operations import listing_parts, operation, retrieving_part
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments import balance
from checkout_daemon.sandbox.payments.charges import build_charge
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import add, update_and_emit
from checkout_daemon.sandbox.webhooks.events import emit

_BALANCE = "/v1/customers/{id}/cash_balance"
_MOVES = "/v1/customers/{id}/cash_balance_transactions"
_MOVE = "customer_cash_balance_transaction"
_SENDERS: dict[str, tuple[str, Body]] = {
    "eur": ("eu_bank_transfer", {"bic": "OFFLINEXXX", "iban_last4": "6789"}),
    "gbp": ("gb_bank_transfer", {"account_number_last4": "6789", "sort_code": "108800"}),
    "jpy": ("jp_bank_transfer", {"sender_bank": "Offline", "sender_branch": "Offline"}),
    "usd": ("us_bank_transfer", {"network": "ach"}),
}


def _fund(box: Box, params: Params, customer_id: str) -> Body:
    """Receive a bank transfer from the customer."""
    customer = box.get(customer_id, "customer")
    currency = currency_code(params["currency"])
    details = {"bank_transfer": _sender(params.get("reference"), currency)}
    move = _book(box, customer, params["amount"], currency, "funded", funded=details)
    waiting = _waiting(box, customer_id, currency)
    if waiting is None:
        emit(box, "cash_balance.funds_available", cash_balance(customer))
    else:
        _apply(box, customer, waiting)
    return move


def _retrieve(box: Box, _: Params, customer_id: str) -> Body:
    return cash_balance(box.get(customer_id, "customer"))


def wait_for_transfer(box: Box, intent: Stored) -> None:
    """Let a confirmed PaymentIntent wait for a bank transfer, after using what the customer already has."""
    body = intent.body
    if body["customer"] is None:
        raise invalid("A PaymentIntent that customer_balance pays needs a customer.", param="customer")
    instructions = {
        "amount_remaining": body["amount"],
        "currency": body["currency"],
        "financial_addresses": [],
        "hosted_instructions_url": f"{box.url}/payment_instructions/{token(40)}",
        "reference": token(12).upper(),
        "type": (body["payment_method_options"]["customer_balance"]["bank_transfer"] or {}).get("type"),
    }
    kind = "display_bank_transfer_instructions"
    action = {"type": kind, kind: instructions}
    update_and_emit(box, intent, "payment_intent.requires_action", status="requires_action", next_action=action)
    customer = box.get(body["customer"], "customer", "customer")
    if (customer.private.get("cash") or {}).get(body["currency"]):
        _apply(box, customer, intent)


def cash_balance(customer: Stored) -> Body:
    """Return the customer's unspent transfers by currency."""
    return new_part("cash_balance", available=customer.private.get("cash") or None, customer=customer.id)


def _apply(box: Box, customer: Stored, intent: Stored) -> None:
    body = intent.body
    instructions = body["next_action"]["display_bank_transfer_instructions"]
    amount = min(customer.private["cash"][body["currency"]], instructions["amount_remaining"])
    applied = {"payment_intent": intent.id}
    _book(box, customer, -amount, body["currency"], "applied_to_payment", applied_to_payment=applied)
    instructions["amount_remaining"] -= amount
    if instructions["amount_remaining"] > 0:
        update_and_emit(box, intent, "payment_intent.partially_funded")
        return
    method = box.get(body["payment_method"], "payment_method")
    charge = box.storage.add(build_charge(intent, method, "succeeded", None, authenticated=False))
    charge.body["balance_transaction"] = balance.book(box, "payment", body["amount"], body["currency"], charge.id)["id"]
    update_and_emit(box, charge, "charge.succeeded")
    body |= {"amount_received": body["amount"], "latest_charge": charge.id, "next_action": None}
    update_and_emit(box, intent, "payment_intent.succeeded", status="succeeded")


def _waiting(box: Box, customer_id: str, currency: str) -> Stored | None:
    """Return the customer's oldest PaymentIntent that waits for a transfer in this currency."""
    conditions = [
        ("customer = ?", customer_id),
        ("json_extract(body, '$.currency') = ?", currency),
        ("json_extract(body, '$.next_action.type') = ?", "display_bank_transfer_instructions"),
    ]
    found = box.storage.select("payment_intent", conditions=conditions, limit=1, ascending=True)
    return found[0] if found else None


def _book(box: Box, customer: Stored, amount: int, currency: str, kind: str, **details: Body) -> Body:
    held = customer.private.setdefault("cash", {})
    held[currency] = held.get(currency, 0) + amount
    box.storage.save(customer)
    body = new_body(
        _MOVE,
        "ccsbtxn_1",
        currency=currency,
        customer=customer.id,
        ending_balance=held[currency],
        net_amount=amount,
        type=kind,
    )
    return add(box, body | details, f"{_MOVE}.created", parent=customer.id).body


def _sender(reference: str | None, currency: str) -> Body:
    kind, details = _SENDERS.get(currency, _SENDERS["eur"])
    return {"reference": reference, "type": kind, kind: {**details, "sender_name": "Sandbox"}}


OPERATIONS = (
    operation("POST /v1/test_helpers/customers/{id}/fund_cash_balance", _fund),
    operation(f"GET {_BALANCE}", _retrieve),
    listing_parts(_MOVES, "customer", _MOVE),
    retrieving_part(_MOVES, _MOVE, "customer cash balance transaction"),
)
