"""The life of an invoice after it is written: finalized, sent, paid or refused, written off, voided."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.shapes import methods_for, new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.payments.acceptance import CONFIRMABLE
from checkout_daemon.sandbox.payments.intents import cancel_intent, confirm_intent, create_intent
from checkout_daemon.sandbox.payments.methods import card_method, method_by_id
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import (
    add,
    change_status,
    require_status,
    update_and_emit,
)
from checkout_daemon.sandbox.webhooks.events import emit

_RETRY_SECONDS = 3 * 24 * 3600


def check_draft(_: Box, record: Stored, __: Params) -> None:
    """Raise ApiError unless the invoice is a draft, which may be deleted."""
    if record.body["status"] != "draft":
        raise invalid("You can only delete draft invoices. Void or credit this one instead.", param="id")


def finalize(box: Box, record: Stored, _: Params) -> None:
    """Give a draft its number. An invoice with nothing due is paid immediately."""
    body, moment = record.body, stamp()
    customer = box.get(body["customer"], "customer")
    sequence = customer.body["next_invoice_sequence"]
    customer.body["next_invoice_sequence"] = sequence + 1
    box.storage.save(customer)
    page = f"{box.url}/i/{record.id}/{token(20)}"
    payment = new_body(
        "invoice_payment",
        "inpay_1",
        amount_requested=body["amount_due"],
        currency=body["currency"],
        invoice=record.id,
        is_default=True,
    )
    record.private["payment"] = payment["id"]
    stored = add(box, payment, parent=record.id)
    _move(
        box,
        record,
        "open",
        "finalized_at",
        "invoice.finalized",
        attempted=False,
        effective_at=moment,
        ending_balance=0,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
        number=f"{customer.body['invoice_prefix']}-{sequence:04d}",
    )
    if body["amount_due"] == 0:
        _settle(box, record)
    else:
        _open_intent(box, record, stored)


def send(box: Box, record: Stored, params: Params) -> None:
    """Announce that the invoice was sent, and finalize it first if it is a draft."""
    if record.body["status"] == "draft":
        finalize(box, record, params)
    emit(box, "invoice.sent", record.body)


def pay(box: Box, record: Stored, params: Params) -> None:
    """Charge the invoice now. Raise ApiError (402) if the card is refused or its holder must act first."""
    if record.body["status"] == "draft":
        finalize(box, record, params)
        if record.body["status"] == "paid":
            return
    require_status(record, "pay", "open", "uncollectible")
    if params.get("paid_out_of_band"):
        close_intent(box, record, params)
        _settle(box, record)
        return
    customer = box.get(record.body["customer"], "customer").body
    method = payer(box, customer, params.get("payment_method") or record.body["default_payment_method"])
    if method is None:
        raise no_method()
    charge(box, record, method)


def charge(box: Box, record: Stored, method: Stored) -> None:
    """Charge the remaining amount of an open invoice through its PaymentIntent. Raise ApiError (402)."""
    intent = box.get(record.private["intent"], "payment_intent")
    intent.body["amount"] = record.body["amount_remaining"]
    try:
        confirm_intent(box, intent, method)
    finally:
        # The outcome of the intent has changed the stored invoice.
        stored = box.get(record.id, "invoice")
        record.body, record.private = stored.body, stored.private
    if intent.body["status"] == "requires_action":
        _fail(box, record, "invoice.payment_failed", "invoice.payment_action_required")
        raise _action_required(intent.body)


def follow_intent(box: Box, event: str, intent: Body) -> None:
    """Mark an open invoice as paid, or count the attempt, when its PaymentIntent succeeds or fails."""
    found = box.storage.find(intent["id"], "payment_intent")
    invoice = found and box.storage.find(found.private.get("invoice") or "", "invoice")
    if invoice is None or invoice.body["status"] not in ("open", "uncollectible"):
        return
    if event == "payment_intent.succeeded":
        _settle(box, invoice)
    else:
        _fail(box, invoice, "invoice.payment_failed")


def _open_intent(box: Box, record: Stored, payment: Stored) -> None:
    """Create the PaymentIntent of the invoice, which the customer or a charge pays."""
    body = record.body
    text = "Subscription creation" if _subscription(body) else f"Payment for Invoice {body['number']}"
    given = {"customer": body["customer"], "description": text}
    intent = create_intent(box, body["amount_remaining"], body["currency"], methods_for(body["currency"]), given)
    intent.private["invoice"] = record.id
    box.storage.save(intent)
    record.private["intent"] = intent.id
    box.storage.save(record)
    payment.body["payment"] = {"type": "payment_intent", "payment_intent": intent.id}
    box.storage.save(payment)


def close_intent(box: Box, record: Stored, _: Params) -> None:
    """Cancel the invoice's PaymentIntent if it can no longer be paid through it."""
    intent = box.storage.find(record.private.get("intent") or "", "payment_intent")
    if intent is not None and intent.body["status"] in CONFIRMABLE:
        cancel_intent(box, intent, "void_invoice")


def payer(box: Box, customer: Body, chosen: str | None = None) -> Stored | None:
    """Return the payment method to charge: the chosen one, the customer's default, or their default card."""
    chosen = chosen or customer["invoice_settings"]["default_payment_method"]
    if chosen is not None:
        return method_by_id(box, chosen)
    source = box.storage.find(customer["default_source"] or "", "card")
    return None if source is None else box.storage.add(card_method(source.private["card"]))


def no_method() -> ApiError:
    """Return the error for a customer who has no payment method to charge."""
    return ApiError(
        "This customer has no attached payment source or default payment method. Please consider adding a default "
        "payment method. For more information, visit "
        "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.",
        code="resource_missing",
    )


def _settle(box: Box, record: Stored) -> None:
    body = record.body
    payment = box.get(record.private["payment"], "invoice_payment")
    times = {**payment.body["status_transitions"], "paid_at": stamp()}
    paid = body["amount_remaining"]
    update_and_emit(box, payment, "invoice_payment.paid", amount_paid=paid, status="paid", status_transitions=times)
    tried = 1 if paid else 0
    _move(
        box,
        record,
        "paid",
        "paid_at",
        "invoice.paid",
        "invoice.payment_succeeded",
        amount_paid=paid,
        amount_remaining=0,
        attempt_count=body["attempt_count"] + tried,
        attempted=True,
        next_payment_attempt=None,
    )
    subscription = box.storage.find(_subscription(body) or "", "subscription")
    if subscription is not None and subscription.body["status"] in ("incomplete", "past_due"):
        update_and_emit(box, subscription, "customer.subscription.updated", status="active")


def _fail(box: Box, record: Stored, *events: str) -> None:
    body = record.body
    automatic = body["collection_method"] == "charge_automatically" and body["auto_advance"]
    update_and_emit(
        box,
        record,
        "invoice.updated",
        *events,
        attempt_count=body["attempt_count"] + 1,
        attempted=True,
        next_payment_attempt=stamp() + _RETRY_SECONDS if automatic else None,
    )


def _move(box: Box, record: Stored, status: str, moment: str, *events: str, **fields: object) -> None:
    change_status(box, record, status, moment, "invoice.updated", *events, **fields)


def _subscription(body: Body) -> str | None:
    details = (body["parent"] or {}).get("subscription_details") or {}
    found: str | None = details.get("subscription")
    return found


def _action_required(intent: Body) -> ApiError:
    error = ApiError(
        "Payment for this invoice requires additional user action before it can be completed successfully. "
        "Payment can be completed using the PaymentIntent associated with the invoice.",
        status=402,
        kind="card_error",
        code="invoice_payment_intent_requires_action",
        keep=True,
    )
    error.error["payment_intent"] = intent
    return error


FOLLOWERS = dict.fromkeys(("payment_intent.payment_failed", "payment_intent.succeeded"), follow_intent)
"""How invoices react to events of PaymentIntents."""
