"""What objects show only to those who ask to expand it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checkout_daemon.sandbox.storage import Body, Record, Storage

_SHOWN = 10


def cash_balance(customer: Record) -> Body:
    """What the customer's transfers left over, by currency."""
    held = customer.private.get("cash")
    return {
        "object": "cash_balance",
        "available": held or None,
        "customer": customer.id,
        "customer_account": None,
        "livemode": False,
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }


def _cash_balance(storage: Storage, customer: Body) -> Body | None:
    record = storage.find(customer["id"], "customer")
    return cash_balance(record) if record else None


def _credit(_: Storage, customer: Body) -> Body:
    return {customer["currency"]: customer["balance"]} if customer["currency"] and customer["balance"] else {}


def _sources(storage: Storage, customer: Body) -> Body:
    found = storage.select("card", conditions=[("parent = ?", customer["id"])], limit=_SHOWN + 1)
    return _listed(customer, "sources", [each.body for each in found])


def _subscriptions(storage: Storage, customer: Body) -> Body:
    conditions = [
        ("customer = ?", customer["id"]),
        ("json_extract(body, '$.status') NOT IN (?, 'incomplete_expired')", "canceled"),
    ]
    found = storage.select("subscription", conditions=conditions, limit=_SHOWN + 1)
    return _listed(customer, "subscriptions", [each.body for each in found])


def _tax_ids(_: Storage, customer: Body) -> Body:
    return _listed(customer, "tax_ids", [])


def _tax(_: Storage, __: Body) -> Body:
    return {"automatic_tax": "not_collecting", "ip_address": None, "location": None, "provider": "stripe"}


def _listed(customer: Body, name: str, found: list[Body]) -> Body:
    return _page(found, f"/v1/customers/{customer['id']}/{name}")


def _price_options(_: Storage, price: Body) -> Body:
    names = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {name: price[name] for name in names}}


def _coupon_options(_: Storage, coupon: Body) -> Body:
    return {coupon["currency"]: {"amount_off": coupon["amount_off"]}} if coupon["currency"] else {}


def _code_options(_: Storage, code: Body) -> Body:
    found = code["restrictions"]
    currency = found["minimum_amount_currency"]
    return {currency: {"minimum_amount": found["minimum_amount"]}} if currency else {}


def _rate_options(_: Storage, rate: Body) -> Body:
    fixed = rate["fixed_amount"] or {}
    return {fixed["currency"]: {"amount": fixed["amount"], "tax_behavior": rate["tax_behavior"]}} if fixed else {}


def _items(storage: Storage, owner: Body) -> Body:
    """Return the line items of a payment link or quote."""
    record = storage.find(owner["id"], owner["object"])
    return _page(record.private["items"] if record else [], f"/v1/{owner['object']}s/{owner['id']}/line_items")


def _upfront_items(storage: Storage, quote: Body) -> Body:
    found = _items(storage, quote)["data"]
    url = f"/v1/quotes/{quote['id']}/computed_upfront_line_items"
    return _page([item for item in found if not item["price"]["recurring"]], url)


def _payments(storage: Storage, invoice: Body) -> Body:
    found = [each.body for each in storage.children(invoice["id"], "invoice_payment")]
    return _page(found, f"/v1/invoices/{invoice['id']}/payments")


def _confirmation_secret(storage: Storage, invoice: Body) -> Body | None:
    """Return the secret of the PaymentIntent that the invoice is paid with, once it is finalized."""
    record = storage.find(invoice["id"], "invoice")
    intent = record and storage.find(record.private.get("intent") or "", "payment_intent")
    return {"client_secret": intent.body["client_secret"], "type": "payment_intent"} if intent else None


def _page(found: list[Body], url: str) -> Body:
    return {"object": "list", "data": found[:_SHOWN], "has_more": len(found) > _SHOWN, "url": url}


def _card_number(_: Storage, card: Body) -> str:
    """Return a number that no network has given out, and whose last digits are the card's."""
    return f"400000999000{card['last4']}"


def _card_cvc(_: Storage, __: Body) -> str:
    return "123"


def _no_tiers(_: Storage, __: Body) -> None:
    return None


INCLUDES: Mapping[tuple[str, str], Callable[[Storage, Body], Any]] = {
    ("coupon", "currency_options"): _coupon_options,
    ("customer", "cash_balance"): _cash_balance,
    ("customer", "invoice_credit_balance"): _credit,
    ("customer", "sources"): _sources,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax"): _tax,
    ("customer", "tax_ids"): _tax_ids,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("invoice", "payments"): _payments,
    ("issuing.card", "cvc"): _card_cvc,
    ("issuing.card", "number"): _card_number,
    ("payment_link", "line_items"): _items,
    ("plan", "tiers"): _no_tiers,
    ("price", "currency_options"): _price_options,
    ("price", "tiers"): _no_tiers,
    ("promotion_code", "restrictions.currency_options"): _code_options,
    ("quote", "computed.upfront.line_items"): _upfront_items,
    ("quote", "line_items"): _items,
    ("shipping_rate", "fixed_amount.currency_options"): _rate_options,
}
