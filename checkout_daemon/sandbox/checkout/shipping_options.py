"""Shipping options of a Checkout session, and their cost."""

from __future__ import annotations

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import invalid, missing_parameter, only_one
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params, merge_metadata
from checkout_daemon.sandbox.storage import Body, Stored


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
