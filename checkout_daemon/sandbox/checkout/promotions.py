"""Discounts on a Checkout session: coupons and the promotion codes that apply them."""

from __future__ import annotations

from dataclasses import dataclass

from checkout_daemon.sandbox.amounts import money_text
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout.totals import usable_coupon
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid, missing_parameter, only_one
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Stored

_AT = "discounts[0]"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who a session is for: a customer, somebody whom it makes one, or a guest."""

    customer: str | None
    becomes_customer: bool = False

    def may_be_first_time(self, box: Box) -> bool:
        """Return whether a code for first purchases may be used. Stripe does not give it to guests."""
        return self.becomes_customer if self.customer is None else not _has_paid(box, self.customer)


def asked_discount(box: Box, given: Params, currency: str, subtotal: int, buyer: Buyer) -> Body:
    """Return the discount that `discounts[0]` asks for."""
    coupon_id, code_id = given.get("coupon"), given.get("promotion_code")
    if coupon_id and code_id:
        raise only_one(f"{_AT}[coupon]", f"{_AT}[promotion_code]")
    if code_id:
        param = f"{_AT}[promotion_code]"
        code = box.storage.find(code_id, "promotion_code")
        if code is None:
            raise ApiError(f"No such promotion code: '{code_id}'", code="resource_missing", param=param)
        return promotion_discount(box, code, currency, subtotal, buyer, param)
    if not coupon_id:
        raise missing_parameter(f"{_AT}[coupon]")
    usable_coupon(box, coupon_id, currency, stamp(), f"{_AT}[coupon]")
    return _discount(box.get(coupon_id, "coupon"), None)


def typed_discount(box: Box, text: str, currency: str, subtotal: int, buyer: Buyer) -> Body:
    """Return the discount for a code that a shopper typed. Raise ApiError with a message for the shopper."""
    found = [code for code in codes_like(box, text.strip()) if code.body["active"]]
    mine = [code for code in found if code.customer in (None, buyer.customer)]
    if not mine:
        raise invalid("This code is invalid.", param="promotion_code")
    mine.sort(key=lambda code: code.customer is None)
    return promotion_discount(box, mine[0], currency, subtotal, buyer, "promotion_code")


def codes_like(box: Box, text: str) -> list[Stored]:
    """Return all promotion codes with this text, ignoring case."""
    return box.storage.select("promotion_code", conditions=[("kind = ?", text.upper())])


def promotion_discount(box: Box, code: Stored, currency: str, subtotal: int, buyer: Buyer, param: str) -> Body:
    """Return the discount of a promotion code. Raise ApiError if its restrictions do not allow it."""
    body = code.body
    ended = body["expires_at"] is not None and body["expires_at"] <= stamp()
    if ended or not body["active"]:
        raise invalid("This promotion code is no longer active.", param=param)
    if code.customer is not None and code.customer != buyer.customer:
        message = "This promotion code cannot be redeemed because it is restricted to another customer."
        raise invalid(message, param=param)
    limits = body["restrictions"]
    if (least := limits["minimum_amount"]) is not None:
        if limits["minimum_amount_currency"] != currency:
            message = f"This promotion code is only for purchases in {limits['minimum_amount_currency']}."
            raise invalid(message, param=param)
        if subtotal < least:
            message = f"This promotion code is only for purchases of at least {money_text(least, currency)}."
            raise invalid(message, param=param)
    if limits["first_time_transaction"] and not buyer.may_be_first_time(box):
        message = "This promotion code cannot be redeemed because the associated customer has prior transactions."
        raise invalid(message, param=param)
    coupon_id = body["promotion"]["coupon"]
    usable_coupon(box, coupon_id, currency, stamp(), param)
    return _discount(box.get(coupon_id, "coupon"), code.id)


def shown_discounts(discount: Body | None) -> list[Body]:
    """Return a session's `discounts`: the promotion code, or the coupon if it was given without one."""
    if discount is None:
        return []
    code = discount["promotion_code"]
    return [{"coupon": None if code else discount["coupon"]["id"], "promotion_code": code}]


def discounted(session: Stored | None, amount: int) -> list[Body]:
    """Return a session's discount with the amount it takes off, as in Stripe's breakdowns; empty if it has none."""
    given = session and session.private.get("discount")
    if not session or not given:
        return []
    discount = new_body(
        "discount",
        "di_1",
        checkout_session=session.id,
        customer=session.body["customer"],
        promotion_code=given["promotion_code"],
        source={"coupon": given["coupon"]["id"], "type": "coupon"},
        start=given["start"],
    )
    return [{"amount": amount, "discount": {**discount, "id": given["id"]}}]


def redeem(box: Box, discount: Body | None) -> None:
    """Count a redemption of the coupon and code, which may be the last."""
    if discount is None:
        return
    for object_id, kind, switch in (
        (discount["coupon"]["id"], "coupon", "valid"),
        (discount["promotion_code"], "promotion_code", "active"),
    ):
        if object_id is not None and (record := box.storage.find(object_id, kind)):
            record.body["times_redeemed"] += 1
            most = record.body["max_redemptions"]
            if most is not None and record.body["times_redeemed"] >= most:
                record.body[switch] = False
                if kind == "coupon":
                    close_codes(box, record.id)
            box.storage.save(record)


def close_codes(box: Box, coupon_id: str) -> None:
    """Deactivate the promotion codes of a coupon that has ended."""
    for code in box.storage.children(coupon_id, "promotion_code"):
        if code.body["active"]:
            code.body["active"] = False
            box.storage.save(code)


def end_discount(box: Box, payload: Body) -> None:
    """End a coupon or promotion code whose time is over."""
    if coupon := box.storage.find(payload["id"], "coupon"):
        coupon.body["valid"] = False
        box.storage.save(coupon)
        close_codes(box, coupon.id)
    elif code := box.storage.find(payload["id"], "promotion_code"):
        code.body["active"] = False
        box.storage.save(code)


def _discount(coupon: Stored, code: str | None) -> Body:
    return {
        "id": new_id("di_1"),
        "coupon": {**coupon.body, "applies_to": coupon.private.get("applies_to")},
        "promotion_code": code,
        "start": stamp(),
    }


def _has_paid(box: Box, customer: str) -> bool:
    conditions = [("customer = ?", customer), ("json_extract(body, '$.status') = ?", "succeeded")]
    return bool(box.storage.select("payment_intent", conditions=conditions, limit=1))
