"""Plans, the predecessors of recurring prices."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.checkout.catalog import create_product
from checkout_daemon.sandbox.errors import missing_parameter
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Stored


def build(box: Box, record: Stored, params: Params) -> None:
    """Build a plan for an existing product, or for one that is described inline."""
    body, given = record.body, params.get("product")
    if isinstance(given, dict) and isinstance(given.get("name"), str):
        body["product"] = create_product(box, {"name": given["name"]})["id"]
    elif isinstance(given, str):
        body["product"] = box.get(given, "product", "product").id
    else:
        raise missing_parameter("product")
    if body["amount"] is not None:
        body["amount_decimal"] = str(body["amount"])


def plan_of_price(price: Body) -> Body:
    """Return a recurring price in the form of a plan, for clients that still read plans."""
    same = "id created active billing_scheme currency metadata nickname product tiers_mode"
    plan = new_body("plan", "plan_1", **{name: price[name] for name in same.split()}, **price["recurring"])
    return plan | {"amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"]}


EXPANDABLE: Expandable = {("plan", "tiers"): lambda *_: None}
