"""Customers."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.checkout.buyers import new_customer
from checkout_daemon.sandbox.errors import invalid, missing_object
from checkout_daemon.sandbox.generic import card_sources, customer_discounts, subscriptions
from checkout_daemon.sandbox.objects.operations import listing, operation
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.objects.shapes import address, deleted_object, shipping
from checkout_daemon.sandbox.parameters.specs import Fields, Params, Text, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.payments.cash_balance import cash_balance
from checkout_daemon.sandbox.payments.methods import attach, method_by_id
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import add, updating
from checkout_daemon.sandbox.webhooks.events import emit

_PLAIN = (
    "email name phone description preferred_locales tax_exempt business_name individual_name balance "
    "invoice_prefix next_invoice_sequence"
)
_REFUSED = {
    "The offline sandbox does not compute taxes.": "tax",
    "The offline sandbox does not reconcile bank transfers.": "cash_balance",
}
_MOST = {
    "business_name": 150,
    "custom_fields": 4,
    "email": 512,
    "individual_name": 150,
    "invoice_prefix": 12,
    "invoice_settings[custom_fields][][name]": 40,
    "invoice_settings[custom_fields][][value]": 140,
    "name": 256,
    "phone": 20,
    "shipping[name]": 5000,
    "shipping[phone]": 5000,
}
_LEAST = {"balance": -99_999_999, "next_invoice_sequence": 1}
_OWN: Fields = {"coupon": Text()}  # older than Stripe's table
_CREATE = Rules(
    own=_OWN,
    refuse={**_REFUSED, "The offline sandbox does not store tax ids.": "tax_id_data"},
    least=_LEAST,
    most=_MOST,
    emails=("email",),
)
_UPDATE = Rules(
    own=_OWN,
    refuse={**_REFUSED, "In the offline sandbox a customer's first source stays the default one.": "default_source"},
    least=_LEAST,
    most=_MOST,
    emails=("email",),
)


def _apply(body: Body, params: Params) -> None:
    body |= {name: params[name] for name in _PLAIN.split() if name in params}
    for name in ("business_name", "individual_name"):
        if body.get(name) is None:
            body.pop(name, None)
    if "address" in params:
        body["address"] = address(params["address"], body["address"]) if params["address"] else None
    if "shipping" in params:
        body["shipping"] = shipping(params["shipping"], body["shipping"])


def _create(box: Box, params: Params, _: str) -> Body:
    body = new_customer(metadata=merge_metadata({}, params.get("metadata")))
    _apply(body, params)
    if params.get("test_clock"):
        body["test_clock"] = box.get(params["test_clock"], "test_helpers.test_clock", "test_clock").id
    record = add(box, body, "customer.created")
    chosen = params.get("payment_method")
    if chosen:
        method = method_by_id(box, chosen)
        attach(box, method, record.id)
        settings = params.get("invoice_settings") or {}
        if settings.get("default_payment_method") == chosen:
            params = {**params, "invoice_settings": {**settings, "default_payment_method": method.id}}
    _apply_links(box, record, params)
    box.storage.save(record)
    return body


def _apply_links(box: Box, record: Stored, params: Params) -> None:
    """Set what refers to other objects: a default payment method, a card as a source, a discount."""
    body = record.body
    if settings := params.get("invoice_settings"):
        given = {name: value or None for name, value in settings.items()}
        if shown := given.get("rendering_options"):
            given["rendering_options"] = {"amount_tax_display": None, "template": None, **shown}
        if chosen := given.get("default_payment_method"):
            method = method_by_id(box, chosen, "invoice_settings[default_payment_method]")
            if method.customer != record.id:
                message = "The customer does not have a payment method with the ID given. It must be attached first."
                raise invalid(message, param="invoice_settings[default_payment_method]")
            given["default_payment_method"] = method.id
        body["invoice_settings"] = {**body["invoice_settings"], **given}
    if params.get("source"):
        body["default_source"] = card_sources.add_source(box, record, params["source"]).id
    if "coupon" in params:
        customer_discounts.set_coupon(box, record, params["coupon"])


def _retrieve(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "customer")
    return record.body if not record.private.get("deleted") else deleted_object(object_id, "customer")


def _revise(box: Box, record: Stored, params: Params) -> None:
    if record.private.get("deleted"):
        raise missing_object("customer", record.id, in_path=True)
    _apply(record.body, params)
    _apply_links(box, record, params)


def _delete(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "customer")
    if record.private.get("deleted"):
        raise missing_object("customer", object_id, in_path=True)
    for subscription in box.storage.select("subscription", conditions=[("customer = ?", object_id)], ascending=True):
        if subscription.body["status"] not in subscriptions.ENDED:
            subscriptions.cancel(box, subscription, {})
    record.private["deleted"] = True
    record.kind = "deleted"
    box.storage.save(record)
    emit(box, "customer.deleted", record.body)
    return deleted_object(object_id, "customer")


def _cash_balance(storage: Storage, customer: Body) -> Body | None:
    record = storage.find(customer["id"], "customer")
    return cash_balance(record) if record else None


def _credit(_: Storage, customer: Body) -> Body:
    return {customer["currency"]: customer["balance"]} if customer["currency"] and customer["balance"] else {}


def _sources(storage: Storage, customer: Body) -> Body:
    found = storage.select("card", conditions=[("parent = ?", customer["id"])], limit=11)
    return first_page(found, f"/v1/customers/{customer['id']}/sources")


def _subscriptions(storage: Storage, customer: Body) -> Body:
    conditions = [
        ("customer = ?", customer["id"]),
        ("json_extract(body, '$.status') NOT IN (?, 'incomplete_expired')", "canceled"),
    ]
    found = storage.select("subscription", conditions=conditions, limit=11)
    return first_page(found, f"/v1/customers/{customer['id']}/subscriptions")


def _tax_ids(_: Storage, customer: Body) -> Body:
    return first_page([], f"/v1/customers/{customer['id']}/tax_ids")


def _tax(_: Storage, __: Body) -> Body:
    return {"automatic_tax": "not_collecting", "ip_address": None, "location": None, "provider": "stripe"}


_PATH = "/v1/customers"
OPERATIONS = (
    operation(f"POST {_PATH}", _create, _CREATE),
    operation(f"GET {_PATH}/{{id}}", _retrieve),
    updating(_PATH, "customer", _revise, _UPDATE),
    operation(f"DELETE {_PATH}/{{id}}", _delete),
    listing(_PATH, "customer", always=[("kind IS NOT ?", "deleted")], rules=Rules(most={"email": 512})),
)
EXPANDABLE: Expandable = {
    ("customer", "cash_balance"): _cash_balance,
    ("customer", "invoice_credit_balance"): _credit,
    ("customer", "sources"): _sources,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "tax"): _tax,
    ("customer", "tax_ids"): _tax_ids,
}
