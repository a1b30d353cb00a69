"""Compute what a Checkout session costs: lines, discounts spread over them, shipping options."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from checkout_daemon.sandbox.amounts import (
    MINIMUM_AMOUNTS,
    check_step,
    currency_code,
    maximum_amount,
    minimum_text,
    money_text,
)
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import ApiError, invalid, missing_parameter, only_one
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.storage import Body, Stored


def set_totals(session: Body, coupon: Body | None, lines: Sequence[Stored]) -> None:
    """Recompute the amounts of the lines and the session. Raise ApiError if the total cannot be charged."""
    subtotals: list[int] = []
    for line in lines:
        line.body["amount_subtotal"] = line.body["price"]["unit_amount"] * line.body["quantity"]
        subtotals.append(line.body["amount_subtotal"])
    chosen = (coupon or {}).get("applies_to")
    shares = [
        subtotal if chosen is None or line.body["price"]["product"] in chosen["products"] else 0
        for line, subtotal in zip(lines, subtotals, strict=True)
    ]
    discount = discount_amount(coupon, sum(shares)) if coupon else 0
    for line, subtotal, off in zip(lines, subtotals, spread(discount, shares), strict=True):
        line.body |= {"amount_discount": off, "amount_total": subtotal - off}
    shipping = session["shipping_cost"]["amount_total"] if session["shipping_cost"] else 0
    total = sum(subtotals) - discount + shipping
    check_total(total, session["currency"])
    session |= {
        "amount_subtotal": sum(subtotals),
        "amount_total": total,
        "total_details": {"amount_discount": discount, "amount_shipping": shipping, "amount_tax": 0},
    }


def spread(amount: int, shares: Sequence[int]) -> list[int]:
    """Divide an amount in proportion to the shares by largest remainder, so that the parts add up exactly."""
    total = sum(shares)
    if not total:
        return [0] * len(shares)
    parts = [amount * share // total for share in shares]
    remainders = sorted(range(len(shares)), key=lambda position: (-(amount * shares[position] % total), position))
    for position in remainders[: amount - sum(parts)]:
        parts[position] += 1
    return parts


def discount_amount(coupon: Body, subtotal: int) -> int:
    """Return the amount that a coupon takes off, at most the subtotal."""
    if coupon["amount_off"] is not None:
        return min(int(coupon["amount_off"]), subtotal)
    exact = Decimal(subtotal) * Decimal(str(coupon["percent_off"])) / 100
    return min(int(exact.quantize(Decimal(1), ROUND_HALF_UP)), subtotal)


def usable_coupon(box: Box, coupon_id: str, currency: str | None, now: int, param: str) -> Body:
    """Return a coupon. Raise ApiError if it cannot be used for this currency now; None is any."""
    record = box.get(coupon_id, "coupon", param)
    coupon = record.body
    ended = coupon["redeem_by"] is not None and coupon["redeem_by"] <= now
    used_up = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    if ended or used_up or not coupon["valid"]:
        raise ApiError(f"Coupon {coupon_id} is expired and cannot be applied.", code="coupon_expired", param=param)
    if coupon["amount_off"] is not None and currency not in (None, coupon["currency"]):
        raise invalid(
            f"The coupon {coupon_id} cannot be applied because it has an amount_off with a different currency "
            f"({coupon['currency']}) than the Checkout Session ({currency}).",
            param=param,
        )
    return coupon


def check_total(total: int, currency: str) -> None:
    """Raise ApiError if no card could be charged this total."""
    if 0 < total < MINIMUM_AMOUNTS.get(currency, 1):
        message = f"The Checkout Session's total amount due must add up to at least {minimum_text(currency)}"
        raise ApiError(message, code="amount_too_small")
    if total > maximum_amount(currency):
        most = money_text(maximum_amount(currency), currency)
        message = f"The Checkout Session's total amount due must be no more than {most}"
        raise ApiError(message, code="amount_too_large")
    check_step(total, currency, "line_items")


def build_options(box: Box, given: list[Params], currency: str) -> list[Body]:
    """Return a session's `shipping_options`, and store the rates that are described inline."""
    return [_option(box, option, f"shipping_options[{index}]", currency) for index, option in enumerate(given)]


def shipping_cost(option: Body | None) -> Body | None:
    """Return a session's `shipping_cost` for the chosen option."""
    if option is None:
        return None
    amount = option["shipping_amount"]
    return {
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "shipping_rate": option["shipping_rate"],
    }


def _option(box: Box, given: Params, at: str, currency: str) -> Body:
    rate_id, data = given.get("shipping_rate"), given.get("shipping_rate_data")
    if (rate_id is None) == (data is None):
        if rate_id is None:
            raise missing_parameter(f"{at}[shipping_rate]")
        raise only_one(f"{at}[shipping_rate]", f"{at}[shipping_rate_data]")
    if data is not None:
        at, rate = f"{at}[shipping_rate_data]", _build_rate(data, f"{at}[shipping_rate_data]")
        box.storage.add(Stored(rate))
    else:
        at, rate = f"{at}[shipping_rate]", box.get(str(rate_id), "shipping_rate", f"{at}[shipping_rate]").body
        if not rate["active"]:
            raise invalid(f"The shipping rate {rate_id} is inactive.", param=at)
    price = rate["fixed_amount"]
    if not price or price["currency"] != currency:
        raise invalid(f"The shipping rate has no price in the Checkout Session's currency ({currency}).", param=at)
    return {"shipping_amount": price["amount"], "shipping_rate": rate["id"]}


def _build_rate(data: Params, at: str) -> Body:
    price = data.get("fixed_amount")
    if not price:
        raise missing_parameter(f"{at}[fixed_amount]")
    estimate = data.get("delivery_estimate")
    return new_body(
        "shipping_rate",
        "shr_1",
        delivery_estimate=estimate and {"maximum": estimate.get("maximum"), "minimum": estimate.get("minimum")},
        display_name=data["display_name"],
        fixed_amount={"amount": price["amount"], "currency": currency_code(price["currency"], f"{at}[fixed_amount]")},
        metadata=merge_metadata({}, data.get("metadata")),
        tax_behavior=data.get("tax_behavior") or "unspecified",
        tax_code=data.get("tax_code"),
    )
