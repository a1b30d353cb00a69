"""Objects that lead to a page of Stripe's: customer portals, payment links, identity checks."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.checkout.lines import build_line, common_currency, line_item
from checkout_daemon.sandbox.checkout.payment_links import check_link
from checkout_daemon.sandbox.errors import missing_parameter, not_modelled
from checkout_daemon.sandbox.generic.field_values import number
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.operations import listing_inside
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import add

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
    """Build a payment link with its lines and page. Raise ApiError for what its sessions would not take."""
    lines = []
    for index, line in enumerate(params["line_items"]):
        _check_described(line.get("price_data") or {}, f"line_items[{index}][price_data]")
        lines.append(build_line(box, line, index, recurring=True))
    record.private["items"] = [line.body for line in lines]
    currency = common_currency(lines, params.get("currency"))
    record.body |= {"currency": currency, "url": f"{box.url}/test_{token(18)}"}
    revise_link(box, record, params)


def revise_link(box: Box, record: Stored, _: Params) -> None:
    """Give the nested parts of a link all the fields that Stripe sends. Raise ApiError as `build_link` does."""
    body = record.body
    if body["payment_intent_data"]:
        body["payment_intent_data"] = {"metadata": {}, **body["payment_intent_data"]}
    body["custom_fields"] = [{"optional": False, **field} for field in body["custom_fields"]]
    if body["restrictions"]:
        body["restrictions"]["completed_sessions"].setdefault("count", 0)
    check_link(box, record)


def _check_described(price: Params, at: str) -> None:
    """Raise ApiError for parts of an inline price that the sandbox lacks."""
    product = price.get("product_data") or {}
    lacking = {"[recurring]": price.get("recurring"), "[product_data][tax_details]": product.get("tax_details")}
    for name, value in lacking.items():
        if value:
            raise not_modelled(f"the parameter {at}{name}", f"{at}{name}")


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
