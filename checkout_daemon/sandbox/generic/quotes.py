"""Quotes: drafted, finalized, then canceled, or accepted, which starts what they offer."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.generic import invoices, subscriptions
from checkout_daemon.sandbox.generic.stripe_pages import first_items, line_items
from checkout_daemon.sandbox.ids import token
from checkout_daemon.sandbox.objects.operations import listing_inside
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import change_status

_LIFETIME_SECONDS = 30 * 24 * 3600


def build(box: Box, record: Stored, params: Params) -> None:
    """Build a quote with the totals of its lines: once, and for each period."""
    body = record.body
    items = line_items(box, params.get("line_items") or [])
    record.private["items"] = items
    total = sum(item["amount_total"] for item in items)
    repeated = [item for item in items if item["price"]["recurring"]]
    body |= {
        "amount_subtotal": total,
        "amount_total": total,
        "currency": items[0]["currency"] if items else None,
        "expires_at": params.get("expires_at") or stamp() + _LIFETIME_SECONDS,
    }
    body["computed"]["upfront"] |= {"amount_subtotal": total, "amount_total": total}
    if repeated:
        amount = sum(item["amount_total"] for item in repeated)
        recurring = repeated[0]["price"]["recurring"]
        body["computed"]["recurring"] = {
            "amount_subtotal": amount,
            "amount_total": amount,
            "interval": recurring["interval"],
            "interval_count": recurring["interval_count"],
            "total_details": body["total_details"],
        }


def finalize(box: Box, record: Stored, _: Params) -> None:
    """Give a draft its number. Raise ApiError if it offers nothing."""
    if not record.private["items"]:
        raise invalid("A quote without line_items cannot be finalized.", param="line_items")
    number = f"QT-{token(8).upper()}-0001-1"
    change_status(box, record, "open", "finalized_at", "quote.finalized", number=number)


def accept(box: Box, record: Stored, _: Params) -> None:
    """Accept an open quote: start the subscription, or draft an invoice if nothing in the quote is recurring."""
    customer = record.body["customer"]
    if customer is None:
        raise invalid("A quote without a customer cannot be accepted.", param="customer")
    items = record.private["items"]
    if any(item["price"]["recurring"] for item in items):
        lines = [{"price": item["price"]["id"], "quantity": item["quantity"]} for item in items]
        started = subscriptions.start(box, customer, lines)
        made = {"subscription": started.id, "invoice": started.body["latest_invoice"]}
    else:
        parent = {"quote_details": {"quote": record.id}, "subscription_details": None, "type": "quote_details"}
        invoice = invoices.new_invoice(box, box.get(customer, "customer").body, "quote_accept", parent)
        for item in items:
            invoices.add_line(invoice.body, invoices.line_of_quote(item))
        invoices.store_new(box, invoice)
        made = {"invoice": invoice.id}
    change_status(box, record, "accepted", "accepted_at", "quote.accepted", **made)


OPERATIONS = (
    listing_inside("/v1/quotes/{id}/line_items", "quote", "line item", lambda _, quote: quote.private["items"]),
)


def _upfront_items(storage: Storage, quote: Body) -> Body:
    record = storage.find(quote["id"], "quote")
    found = [item for item in (record.private["items"] if record else []) if not item["price"]["recurring"]]
    return first_page(found, f"/v1/quotes/{quote['id']}/computed_upfront_line_items")


EXPANDABLE: Expandable = {
    ("quote", "computed.upfront.line_items"): _upfront_items,
    ("quote", "line_items"): first_items,
}
