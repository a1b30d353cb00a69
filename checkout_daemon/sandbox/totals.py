"""What a Checkout session costs: lines, discounts spread over them, totals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.storage import Body

_MINIMUM = {"usd": 50, "eur": 50, "gbp": 30, "cad": 50, "aud": 50, "chf": 50, "nzd": 50, "jpy": 50, "sek": 300}
MAXIMUM_AMOUNT = 99_999_999


def spread(amount: int, shares: Sequence[int]) -> list[int]:
    """Divide an amount in proportion to the shares, by largest remainder; the parts add up to it exactly."""
    total = sum(shares)
    if not total:
        return [0] * len(shares)
    parts = [amount * share // total for share in shares]
    remainders = sorted(range(len(shares)), key=lambda each: (-(amount * shares[each] % total), each))
    for each in remainders[: amount - sum(parts)]:
        parts[each] += 1
    return parts


def discount_amount(coupon: Body, subtotal: int) -> int:
    """What a coupon takes off: never more than everything."""
    if coupon["amount_off"] is not None:
        return min(int(coupon["amount_off"]), subtotal)
    exact = Decimal(subtotal) * Decimal(str(coupon["percent_off"])) / 100
    return min(int(exact.quantize(Decimal(1), ROUND_HALF_UP)), subtotal)


def usable_coupon(box: Box, coupon_id: str, currency: str, now: int, param: str) -> Body:
    """The coupon, provided that it may be used for this currency now."""
    coupon = box.get(coupon_id, "coupon", param).body
    ended = coupon["redeem_by"] is not None and coupon["redeem_by"] <= now
    used_up = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    if ended or used_up or not coupon["valid"]:
        raise ApiError(f"Coupon {coupon_id} is expired and cannot be applied.", code="coupon_expired", param=param)
    if coupon["amount_off"] is not None and coupon["currency"] != currency:
        raise invalid(
            f"The coupon {coupon_id} cannot be applied because it has an amount_off with a different currency "
            f"({coupon['currency']}) than the Checkout Session ({currency}).",
            param=param,
        )
    return coupon


def check_total(total: int, currency: str) -> None:
    """Refuse a total that no card could be charged."""
    minimum = _MINIMUM.get(currency, 1)
    if 0 < total < minimum:
        raise ApiError(
            f"The Checkout Session's total amount must convert to at least {minimum} {currency} in minor units.",
            code="amount_too_small",
        )
    if total > MAXIMUM_AMOUNT:
        raise ApiError(f"Amount must be no more than {MAXIMUM_AMOUNT} in minor units.", code="amount_too_large")
