"""Objects that lead to a page of Stripe's: customer portals, payment links, identity checks."""

from __future__ import annotations

import copy

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.checkout.lines import line_item
from checkout_daemon.sandbox.errors import invalid, missing_parameter
from checkout_daemon.sandbox.generic.field_values import number
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.operations import listing_inside
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import add

_LINK_PARTS: dict[str, Body] = {
    "payment_intent_data": {"metadata": {}},
    "subscription_data": {"invoice_settings": {"issuer": {"type": "self"}}, "metadata": {}},
}
_CONFIGURATION = "billing_portal.configuration"


def build_portal_session(box: Box, record: Stored, params: Params) -> None:
    """Build a portal session, with the account's default configuration unless one is given."""
    if not params.get("configuration"):
        found = box.storage.select(_CONFIGURATION, conditions=[("json_extract(body, '$.is_default') = ?", 1)], limit=1)
        default = found[0] if found else add(box, new_body(_CONFIGURATION, "bpc_1", is_default=True))
        record.body["configuration"] = default.id
    record.body["url"] = f"{box.url}/p/session/{token(40)}"


def build_verification(box: Box, record: Stored, _: Params) -> None:
    """Give an identity check its client secret and page."""
    record.body["client_secret"] = f"{record.id}_secret_test_{token(50)}"
    record.body["url"] = f"{box.url}/verify/{token(40)}"


def build_link(box: Box, record: Stored, params: Params) -> None:
    """Build a payment link with its lines and page."""
    if not params["line_items"]:
        raise invalid("A payment link needs line_items.", param="line_items")
    record.private["items"] = items = line_items(box, params["line_items"])
    _complete_link(record.body)
    record.body |= {"currency": items[0]["currency"], "url": f"{box.url}/test_{token(18)}"}


def _complete_link(body: Body) -> None:
    """Give the nested parts of a link all the fields that Stripe sends."""
    for name, fields in _LINK_PARTS.items():
        if body[name]:
            body[name] = {**copy.deepcopy(fields), **body[name]}
    body["custom_fields"] = [{"optional": False, **field} for field in body["custom_fields"]]
    if body["restrictions"]:
        body["restrictions"]["completed_sessions"].setdefault("count", 0)


def build_rate(_: Box, record: Stored, __: Params) -> None:
    """Raise ApiError for a shipping rate without an amount."""
    if not record.body["fixed_amount"]:
        raise missing_parameter("fixed_amount")


def line_items(box: Box, given: list[Params]) -> list[Body]:
    """Return the requested `line_items` in Stripe's shape. Raise ApiError (400) for an unknown price."""
    items: list[Body] = []
    for position, line in enumerate(given):
        at = f"line_items[{position}][price]"
        if not line.get("price"):
            raise missing_parameter(at)
        price = box.get(line["price"], "price", at).body
        items.append(line_item(box, price, number(line, "quantity", 1)))
    return items


OPERATIONS = (
    listing_inside(
        "/v1/payment_links/{id}/line_items", "payment_link", "line item", lambda _, link: link.private["items"]
    ),
)


def first_items(storage: Storage, owner: Body) -> Body:
    """Return the first line items of a payment link or quote."""
    record = storage.find(owner["id"], owner["object"])
    return first_page(record.private["items"] if record else [], f"/v1/{owner['object']}s/{owner['id']}/line_items")


def _fixed_amounts(_: Storage, rate: Body) -> Body:
    fixed = rate["fixed_amount"] or {}
    return {fixed["currency"]: {"amount": fixed["amount"], "tax_behavior": rate["tax_behavior"]}} if fixed else {}


EXPANDABLE: Expandable = {
    ("payment_link", "line_items"): first_items,
    ("shipping_rate", "fixed_amount.currency_options"): _fixed_amounts,
}
