"""The life of a Checkout session: paid at once or later, refused, expired, recovered.

For a month after a session expires, its shopper can open a copy of it at its recovery URL.
"""

from __future__ import annotations

import copy

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout import building, payment_links, promotions
from checkout_daemon.sandbox.checkout.buyers import collected_shipping, final_details, session_customer, update_customer
from checkout_daemon.sandbox.checkout.session_rules import LONGEST_SECONDS
from checkout_daemon.sandbox.checkout.totals import set_totals
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid, missing_parameter
from checkout_daemon.sandbox.ids import new_id, token
from checkout_daemon.sandbox.objects.shapes import shipping
from checkout_daemon.sandbox.payments import intents
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.events import emit

RECOVERY_SECONDS = 30 * 24 * 3600


def confirm_session(
    box: Box, session: Stored, method: Stored | None, expected_amount: int | None = None, return_url: str | None = None
) -> None:
    """Pay a session. Raise ApiError; after a refused card (402) the session stays open for another."""
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
        _complete(box, session, method)
        return
    if method is None:
        raise missing_parameter("payment_method")
    if method.body["type"] not in body["payment_method_types"]:
        listed = ", ".join(body["payment_method_types"])
        message = f"This Checkout Session does not accept {method.body['type']}; it accepts: {listed}."
        raise invalid(message, param="payment_method")
    if method.body["allow_redisplay"] == "unspecified" and session.private.get("redisplay"):
        method.body["allow_redisplay"] = session.private["redisplay"]
        box.storage.save(method)
    intent = _intent(box, session, session_customer(box, session, method))
    intents.confirm_intent(box, intent, method, return_url)
    follow_intent(box, session, intent, method)


def check_open(body: Body) -> None:
    """Raise ApiError unless the session is open."""
    if body["status"] != "open":
        raise invalid(f"This Checkout Session is no longer open: its status is {body['status']}.", param="session")


def follow_intent(box: Box, session: Stored, intent: Stored, method: Stored) -> None:
    """Complete the session once its intent has succeeded, is processing or is held for capture."""
    status = intent.body["status"]
    if status == "requires_action":
        return
    session.body["payment_status"] = "paid" if status == "succeeded" else "unpaid"
    _complete(box, session, method)


def _complete(box: Box, session: Stored, method: Stored | None) -> None:
    body = session.body
    body |= {"status": "complete", "url": None}
    body["customer_details"] = final_details(body, method)
    body["customer"] = session.customer = session_customer(box, session, method)
    update_customer(box, session)
    promotions.redeem(box, session.private.get("discount"))
    box.storage.save(session)
    emit(box, "checkout.session.completed", body)
    payment_links.count_completed(box, body["payment_link"])


def expire(box: Box, session: Stored) -> None:
    """Expire an open session, and cancel its PaymentIntent."""
    body = session.body
    _offer_recovery(session)
    body |= {"status": "expired", "url": None}
    box.storage.save(session)
    if body["payment_intent"] is not None:
        intent = box.get(body["payment_intent"], "payment_intent")
        intents.cancel_intent(box, intent, "automatic")
    emit(box, "checkout.session.expired", body)


def expire_if_open(box: Box, session: Stored) -> None:
    """Expire a session whose time is over, unless it has ended already."""
    if session.body["status"] == "open":
        expire(box, session)


def _intent(box: Box, session: Stored, customer: str | None) -> Stored:
    """Return the session's intent, created on the first attempt to pay and reused on the next."""
    body = session.body
    given = session.private["intent"]
    if shipped := collected_shipping(body):
        given = {**given, "shipping": shipped}
    if body["payment_intent"] is not None:
        intent = box.get(body["payment_intent"], "payment_intent")
        # A promotion code or another shipping option may have changed the total since the last attempt.
        intent.body |= {"amount": body["amount_total"], "customer": customer}
        if shipped:
            intent.body["shipping"] = shipping(shipped)
        intent.customer = customer
        return box.storage.save(intent)
    given = {
        **given,
        "customer": customer,
        "payment_method_options": session.private["method_options"],
    }
    types = list(body["payment_method_types"])
    intent = intents.create_intent(box, body["amount_total"], body["currency"], types, given, session=session.id)
    body["payment_intent"] = intent.id
    session.intent = intent.id
    box.storage.save(session)
    return intent


def _offer_recovery(session: Stored) -> None:
    """Give an expiring session its recovery URL, if it was created with recovery enabled."""
    recovery = (session.body["after_expiration"] or {}).get("recovery")
    if recovery and recovery["enabled"]:
        session.private["recovery"] = key = token(32)
        # After a restart no request may have come yet, so the sandbox's address is taken from the session's URL.
        base = session.body["url"].partition("/c/pay/")[0]
        session.kind = f"recovery:{key}"
        recovery |= {"expires_at": stamp() + RECOVERY_SECONDS, "url": f"{base}/c/recover/{key}"}


def recover(box: Box, key: str) -> Stored:
    """Return an open copy of an expired session, created now or by an earlier visit. Raise ApiError."""
    found = box.storage.select("checkout.session", conditions=[("kind = ?", f"recovery:{key}")], limit=1)
    if not found:
        raise ApiError("This Checkout session does not exist.", status=404)
    expired = found[0]
    if expired.body["after_expiration"]["recovery"]["expires_at"] <= stamp():
        raise ApiError("This link has expired. Return to the shop to start again.", status=410)
    for earlier in box.storage.children(expired.id, "checkout.session"):
        if earlier.body["status"] == "complete":
            raise invalid("This Checkout session is already paid or completed.")
        if earlier.body["status"] == "open":
            return earlier
    return _copy(box, expired)


def _copy(box: Box, expired: Stored) -> Stored:
    body, private = copy.deepcopy(expired.body), copy.deepcopy(expired.private)
    for name in ("recovery", "made_customer"):
        private.pop(name, None)
    recovery = body["after_expiration"]["recovery"]
    moment = stamp()
    body |= {
        "allow_promotion_codes": recovery["allow_promotion_codes"] or None,
        "created": moment,
        "expires_at": moment + LONGEST_SECONDS,
        "payment_intent": None,
        "recovered_from": expired.id,
        "status": "open",
    }
    recovery |= {"expires_at": None, "url": None}
    # A discount excludes promotion codes. If recovery allows codes, they replace it.
    if recovery["allow_promotion_codes"]:
        private["discount"], body["discounts"] = None, []
    lines = [Stored({**line.body, "id": new_id("li_1")}) for line in box.storage.children(expired.id, "item")]
    discount = private.get("discount")
    set_totals(body, discount and discount["coupon"], lines)
    return building.open_session(box, Stored(body, private, parent=expired.id, customer=expired.customer), lines)
