"""Build invoices: their items, lines and totals."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import invalid, missing_parameter
from checkout_daemon.sandbox.generic.field_values import number
from checkout_daemon.sandbox.generic.filtering import paid_with
from checkout_daemon.sandbox.objects.operations import listing, listing_inside, retrieving
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.parameters.specs import Params
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import add

PATH = "/v1/invoices"
_PAYMENTS = "/v1/invoice_payments"
_DAY = 24 * 3600
_DEFAULT_CURRENCY = "usd"


def build_item(box: Box, record: Stored, params: Params) -> None:
    """Build an invoice item from an amount, or from a price and a quantity."""
    body, moment = record.body, stamp()
    body |= {"date": moment, "quantity": number(params, "quantity", 1)}
    body["period"] = {"start": moment, "end": moment} | (params.get("period") or {})
    price_id = (params.get("pricing") or {}).get("price") or params.get("price")
    if price_id is not None:
        price = box.get(str(price_id), "price", "pricing[price]").body
        body |= {"amount": price["unit_amount"] * body["quantity"], "currency": price["currency"]}
        body["pricing"] = _pricing(price)
    elif params.get("amount") is None:
        raise missing_parameter("amount")
    body["currency"] = body["currency"] or _DEFAULT_CURRENCY
    body |= {"quantity_decimal": str(body["quantity"]), "net_amount": body["amount"]}


def check_item_free(_: Box, record: Stored, __: Params) -> None:
    """Raise ApiError if the item is on an invoice, which then must not lose it."""
    if record.body["invoice"] is not None:
        raise invalid("You can only delete invoice items that are not on an invoice.", param="id")


def build(box: Box, record: Stored, params: Params) -> None:
    """Build a draft invoice, with the customer's pending items if requested."""
    _start_draft(record, box.get(params["customer"], "customer", "customer").body)
    if record.body["collection_method"] == "send_invoice":
        record.body["due_date"] = stamp() + number(params, "days_until_due", 30) * _DAY
    if params.get("pending_invoice_items_behavior") == "include":
        wanted = [("customer = ?", params["customer"]), ("json_extract(body, '$.invoice') IS ?", None)]
        for item in box.storage.select("invoiceitem", conditions=wanted, ascending=True):
            item.body["invoice"] = record.id
            box.storage.save(item)
            add_line(record.body, _line_of_item(item.body))


def new_invoice(box: Box, customer: Body, reason: str, parent: Body) -> Stored:
    """Return a draft for something other than items, without lines and not stored."""
    record = Stored(new_body("invoice", "in_1", PATH, billing_reason=reason, parent=parent))
    record.customer = customer["id"]
    _start_draft(record, customer)
    return record


def _start_draft(record: Stored, customer: Body) -> None:
    body, moment = record.body, stamp()
    body |= {
        "account_country": "US",
        "account_name": "Offline Sandbox",
        "billing_reason": body["billing_reason"] or "manual",
        "customer": customer["id"],
        "period_end": moment,
        "period_start": moment,
        "test_clock": customer["test_clock"],
    }
    for name in ("address", "email", "name", "phone", "shipping"):
        body[f"customer_{name}"] = customer[name]


def store_new(box: Box, record: Stored) -> None:
    """Store an invoice that was created automatically, and emit its event."""
    add(box, record.body, "invoice.created", private=record.private)


def _line_of_item(item: Body) -> Body:
    return _line(item["amount"], item["currency"], item["description"], item["period"], item["quantity"]) | {
        "metadata": item["metadata"],
        "parent": _parent("invoice_item", invoice_item=item["id"]),
        "pricing": item["pricing"],
    }


def line_of_subscription(item: Body, product: str) -> Body:
    """Return the line for a subscription item and its first period."""
    price = item["price"]
    period = {"start": item["current_period_start"], "end": item["current_period_end"]}
    amount = (price["unit_amount"] or 0) * item["quantity"]
    text = f"{item['quantity']} × {product}"
    return _line(amount, price["currency"], text, period, item["quantity"]) | {
        "parent": _parent("subscription_item", subscription=item["subscription"], subscription_item=item["id"]),
        "pricing": _pricing(price),
        "subscription": item["subscription"],
    }


def line_of_quote(item: Body) -> Body:
    """Return the line for something that a quote sells once."""
    moment = stamp()
    period = {"start": moment, "end": moment}
    line = _line(item["amount_total"], item["currency"], item["description"], period, item["quantity"])
    return line | {"pricing": _pricing(item["price"])}


def add_line(body: Body, line: Body) -> None:
    """Append a line and add it to the totals."""
    line["invoice"] = body["id"]
    body["lines"]["data"].append(line)
    body["currency"] = line["currency"]
    total = sum(other["amount"] for other in body["lines"]["data"])
    for name in ("amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total"):
        body[name] = total
    body["total_excluding_tax"] = total


def _parent(kind: str, **details: str) -> Body:
    name = f"{kind}_details"
    return new_part("line_item.parent", **{"type": name, name: new_part("line_item.parent.details", **details)})


def _pricing(price: Body) -> Body:
    details = {"price": price["id"], "product": price["product"]}
    return {"price_details": details, "type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"]}


def _line(amount: int, currency: str, text: str | None, period: Body, quantity: int) -> Body:
    return new_body(
        "line_item",
        "il_1",
        amount=amount,
        currency=currency,
        description=text,
        period=period,
        quantity=quantity,
        quantity_decimal=str(quantity),
        subtotal=amount,
    )


OPERATIONS = (
    listing_inside(
        f"{PATH}/{{id}}/lines", "invoice", "invoice line item", lambda _, found: found.body["lines"]["data"]
    ),
    listing(_PAYMENTS, "invoice_payment", columns={"invoice": "parent"}, filters={"payment": paid_with}),
    retrieving(_PAYMENTS, "invoice_payment"),
)


def _payments(storage: Storage, invoice: Body) -> Body:
    return first_page(storage.children(invoice["id"], "invoice_payment"), f"{PATH}/{invoice['id']}/payments")


def _confirmation_secret(storage: Storage, invoice: Body) -> Body | None:
    """Return the client secret of the invoice's PaymentIntent, once the invoice is finalized."""
    record = storage.find(invoice["id"], "invoice")
    intent = record and storage.find(record.private.get("intent") or "", "payment_intent")
    return {"client_secret": intent.body["client_secret"], "type": "payment_intent"} if intent else None


EXPANDABLE: Expandable = {
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("invoice", "payments"): _payments,
}
