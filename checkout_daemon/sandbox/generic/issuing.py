"""Issued cards, and the test helpers that spend with them."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.clock import today
from checkout_daemon.sandbox.generic.field_values import overlay
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.operations import open_operation, operation
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.parameters.specs import EXPAND, Fields, Integer, Params, Text
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import add
from checkout_daemon.sandbox.webhooks.events import emit

_YEARS = 3
_PURCHASES = ("flight", "fleet", "fuel", "lodging", "reference")


def build_holder(_: Box, record: Stored, __: Params) -> None:
    """Give an individual cardholder all the fields that Stripe sends."""
    given = record.body["individual"]
    if given:
        terms = (given.get("card_issuing") or {}).get("user_terms_acceptance")
        names = ("date", "ip", "user_agent")
        accepted = {"user_terms_acceptance": {name: terms.get(name) for name in names}} if terms else None
        fields = dict.fromkeys(("dob", "first_name", "last_name", "verification"))
        record.body["individual"] = {**fields, **given, "card_issuing": accepted}


def build_card(box: Box, record: Stored, params: Params) -> None:
    """Build a card that includes its cardholder and has its own last digits."""
    day = today()
    if shipping := record.body["shipping"]:
        record.body["shipping"] = {"service": "standard", "type": "individual", **shipping}
    record.body |= {
        "cardholder": box.get(params["cardholder"], "issuing.cardholder", "cardholder").body,
        "exp_month": day.month,
        "exp_year": day.year + _YEARS,
        "last4": f"{sum(record.id.encode()) % 10_000:04d}",
    }


def _authorize(box: Box, params: Params, card_id: str) -> Body:
    """Authorize a purchase. No one answers the request, so any active card is approved."""
    card = box.get(card_id, "issuing.card").body
    currency = str(params.get("held_currency") or params.get("currency") or card["currency"]).lower()
    amount = params.get("held_amount", params.get("amount", 0))
    sums = {"amount": amount, "currency": currency, "merchant_amount": amount, "merchant_currency": currency}
    asked = new_part("issuing.authorization.pending_request", **sums)
    body = new_body(
        "issuing.authorization",
        "iauth_1",
        card=card,
        cardholder=card["cardholder"]["id"],
        currency=currency,
        merchant_currency=currency,
        pending_request=asked,
    )
    _merchant(body, params)
    if params.get("authorization_method"):
        body["authorization_method"] = params["authorization_method"]
    record = add(box, body, "issuing_authorization.request")
    approved = card["status"] == "active"
    body |= {"pending_request": None, "approved": approved, "status": "pending" if approved else "closed"}
    body |= {"amount": amount if approved else 0, "merchant_amount": amount if approved else 0}
    box.storage.save(record)
    emit(box, "issuing_authorization.created", body)
    return body


def _capture(box: Box, params: Params, _: str) -> Body:
    """Capture a purchase that was never authorized."""
    card = box.get(params["card"], "issuing.card", "card").body
    currency = (params.get("currency") or card["currency"]).lower()
    amount = -params["amount"]
    body = new_body(
        "issuing.transaction",
        "ipi_1",
        amount=amount,
        card=card["id"],
        cardholder=card["cardholder"]["id"],
        currency=currency,
        merchant_amount=amount,
        merchant_currency=currency,
    )
    _merchant(body, params)
    details = params.get("purchase_details") or {}
    receipt = [
        {"total": None, "unit_cost": None, **line, "quantity": float(line.get("quantity") or 1)}
        for line in details.get("receipt") or []
    ]
    record = add(box, body, "issuing_transaction.created")
    if details:
        known = {**dict.fromkeys(_PURCHASES), **details, "receipt": receipt or None}
        body["purchase_details"] = {name: known[name] for name in (*_PURCHASES, "receipt")}
        box.storage.save(record)
        emit(box, "issuing_transaction.purchase_details_receipt_updated", body)
    return body


def _merchant(body: Body, params: Params) -> None:
    body["merchant_data"]["network_id"] = token(10)
    overlay(body, {"merchant_data": params.get("merchant_data") or {}})


def _card_number(_: Storage, card: Body) -> str:
    """Return a number that no network has issued; its last digits are the card's."""
    return f"400000999000{card['last4']}"


_CAPTURE: Fields = {**EXPAND, "amount": Integer(required=True, minimum=1)}
OPERATIONS = (
    operation(
        "POST /v1/issuing/cards/{id}/test/authorizations",  # older than Stripe's table
        _authorize,
        Rules(
            own={
                **EXPAND,
                **dict.fromkeys(("amount", "held_amount"), Integer(minimum=0)),
                **dict.fromkeys(("currency", "held_currency"), Text()),
                "authorization_method": Text(choices=("chip", "contactless", "keyed_in", "online", "swipe")),
            }
        ),
    ),
    open_operation("POST /v1/test_helpers/issuing/transactions/create_force_capture", _capture, _CAPTURE),
)
EXPANDABLE: Expandable = {
    ("issuing.card", "cvc"): lambda *_: "123",
    ("issuing.card", "number"): _card_number,
}
