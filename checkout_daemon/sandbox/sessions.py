"""The life of a Checkout session: paid at once or later, refused, expired."""

from __future__ import annotations

from checkout_daemon.sandbox import payments
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.events import emit
from checkout_daemon.sandbox.shapes import new_object
from checkout_daemon.sandbox.storage import Body, Record


def confirm_session(
    box: Box, session: Record, method: Record | None, expected_amount: int | None = None, return_url: str | None = None
) -> None:
    """Pay a session. Raises ApiError; after a refused card (402) the session stays open for another."""
    body = session.body
    check_open(body)
    total = body["amount_total"]
    if expected_amount is not None and expected_amount != total:
        raise ApiError(
            f"The expected_amount ({expected_amount}) does not match the Checkout Session's amount_total ({total}).",
            code="checkout_amount_mismatch",
            param="expected_amount",
        )
    if total == 0:
        body["payment_status"] = "no_payment_required"
        complete(box, session, method)
        return
    if method is None:
        raise ApiError("Missing required param: payment_method.", code="parameter_missing", param="payment_method")
    if method.body["type"] not in body["payment_method_types"]:
        listed = ", ".join(body["payment_method_types"])
        message = f"This Checkout Session does not accept {method.body['type']}; it accepts: {listed}."
        raise invalid(message, param="payment_method")
    intent = _intent(box, session)
    payments.confirm_intent(box, intent, method, return_url)
    follow_intent(box, session, intent, method)


def check_open(body: Body) -> None:
    if body["status"] != "open":
        raise invalid(f"This Checkout Session is no longer open: its status is {body['status']}.", param="session")


def follow_intent(box: Box, session: Record, intent: Record, method: Record) -> None:
    """Complete the session when its intent has come far enough for that."""
    status = intent.body["status"]
    if status == "requires_action":
        return
    session.body["payment_status"] = "paid" if status == "succeeded" else "unpaid"
    complete(box, session, method)


def complete(box: Box, session: Record, method: Record | None) -> None:
    body = session.body
    body |= {"status": "complete", "url": None}
    details = method.body["billing_details"] if method else {}
    known = body["customer_details"] or {}
    body["customer_details"] = customer_details(
        email=known.get("email") or details.get("email"),
        name=known.get("name") or details.get("name"),
        phone=known.get("phone") or details.get("phone"),
        address=details.get("address"),
    )
    if body["customer_creation"] == "always" and body["customer"] is None:
        body["customer"] = _create_customer(box, body["customer_details"])
    for coupon_id in session.private["coupons"]:
        if coupon := box.storage.find(coupon_id, "coupon"):
            coupon.body["times_redeemed"] += 1
            most = coupon.body["max_redemptions"]
            coupon.body["valid"] = coupon.body["valid"] and (most is None or coupon.body["times_redeemed"] < most)
            box.storage.save(coupon)
    box.storage.save(session)
    emit(box, "checkout.session.completed", body)


def finish_debit(box: Box, intent: Record) -> None:
    """A delayed debit is due: settle it, and tell about the session that it pays."""
    if intent.body["status"] == "processing":
        payments.settle_now(box, intent)


def expire(box: Box, session: Record) -> None:
    """Close an open session, with what was begun to pay it."""
    body = session.body
    body |= {"status": "expired", "url": None}
    box.storage.save(session)
    if body["payment_intent"] is not None:
        intent = box.get(body["payment_intent"], "payment_intent")
        payments.cancel_intent(box, intent, "automatic")
    emit(box, "checkout.session.expired", body)


def customer_details(*, email: str | None, name: str | None, phone: str | None, address: Body | None) -> Body:
    return {
        "address": address,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": phone,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def _intent(box: Box, session: Record) -> Record:
    """The session's intent, made at the first attempt to pay and used again at the next."""
    body = session.body
    if body["payment_intent"] is not None:
        return box.get(body["payment_intent"], "payment_intent")
    given = {
        **session.private["intent"],
        "customer": body["customer"],
        "receipt_email": session.private["intent"].get("receipt_email"),
        "payment_method_options": session.private["method_options"],
    }
    types = list(body["payment_method_types"])
    intent = payments.create_intent(box, body["amount_total"], body["currency"], types, given, session=session.id)
    body["payment_intent"] = intent.id
    session.intent = intent.id
    box.storage.save(session)
    return intent


def _create_customer(box: Box, details: Body) -> str:
    body = new_customer(email=details["email"], name=details["name"], phone=details["phone"])
    box.storage.add(Record(body))
    emit(box, "customer.created", body)
    return str(body["id"])


def new_customer(**fields: object) -> Body:
    """A customer with these fields, and nothing in the others."""
    body = new_object(
        "cus_",
        "customer",
        address=None,
        balance=0,
        business_name=None,
        currency=None,
        customer_account=None,
        default_source=None,
        delinquent=False,
        description=None,
        discount=None,
        email=None,
        individual_name=None,
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        metadata={},
        name=None,
        next_invoice_sequence=1,
        phone=None,
        preferred_locales=[],
        shipping=None,
        tax_exempt="none",
        test_clock=None,
    )
    body["invoice_prefix"] = body["id"][-8:].upper()
    return body | fields
