"""What customers, prices and coupons show only to those who ask to expand it."""

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
    return {
        "object": "list",
        "data": found[:_SHOWN],
        "has_more": len(found) > _SHOWN,
        "url": f"/v1/customers/{customer['id']}/{name}",
    }


def _price_options(_: Storage, price: Body) -> Body:
    names = ("custom_unit_amount", "tax_behavior", "unit_amount", "unit_amount_decimal")
    return {price["currency"]: {name: price[name] for name in names}}


def _coupon_options(_: Storage, coupon: Body) -> Body:
    return {coupon["currency"]: {"amount_off": coupon["amount_off"]}} if coupon["currency"] else {}


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
    ("price", "currency_options"): _price_options,
    ("price", "tiers"): _no_tiers,
}
