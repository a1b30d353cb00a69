"""Sources: cards that a customer has in the old way."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.generic.field_values import overlay
from checkout_daemon.sandbox.objects.operations import (
    find_part,
    listing_parts,
    open_operation,
    operation,
    retrieving_part,
)
from checkout_daemon.sandbox.objects.shapes import deleted_object, new_body
from checkout_daemon.sandbox.parameters.specs import EXPAND, Metadata, Params, Text, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.payments.methods import card_method
from checkout_daemon.sandbox.payments.stripe_test_methods import card_by_token
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import add, changing
from checkout_daemon.sandbox.webhooks.events import emit

_PATH = "/v1/customers/{id}/sources"
_BRANDS = {"visa": "Visa", "mastercard": "MasterCard", "amex": "American Express", "discover": "Discover"}
_SAME = ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")


def _create(box: Box, params: Params, customer_id: str) -> Body:
    return add_source(box, box.get(customer_id, "customer"), params["source"], params.get("metadata")).body


def add_source(box: Box, customer: Stored, token: str, metadata: Params | None = None) -> Stored:
    """Store a test card of a customer. The first is charged by default. Raise ApiError (400)."""
    name = card_by_token(token)
    if name is None:
        raise missing_object("token", token, "source")
    card = card_method(name).body["card"]
    body = new_body(
        "card",
        "card_1",
        brand=_BRANDS.get(card["brand"], card["brand"].title()),
        customer=customer.id,
        cvc_check=card["checks"]["cvc_check"],
        metadata=merge_metadata({}, metadata),
        **{field: card[field] for field in _SAME},
    )
    record = add(box, body, "customer.source.created", parent=customer.id, private={"card": name})
    if customer.body["default_source"] is None:
        customer.body["default_source"] = body["id"]
        box.storage.save(customer)
    return record


def _update(box: Box, params: Params, ids: str) -> Body:
    with changing(box, _get(box, ids), "customer.source.updated") as body:
        overlay(body, params)
        body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    return body


def _delete(box: Box, _: Params, ids: str) -> Body:
    record = _get(box, ids)
    customer = box.get(record.body["customer"], "customer")
    box.storage.remove(record.id)
    if customer.body["default_source"] == record.id:
        others = box.storage.children(customer.id, "card")
        customer.body["default_source"] = others[-1].id if others else None
        box.storage.save(customer)
    emit(box, "customer.source.deleted", record.body)
    return deleted_object(record.id, "card")


def _get(box: Box, ids: str) -> Stored:
    return find_part(box, ids, "card", "source")


OPERATIONS = (
    operation(f"POST {_PATH}", _create, Rules(only="metadata", own={"source": Text(required=True)})),
    listing_parts(_PATH, "customer", "card"),
    retrieving_part(_PATH, "card", "source"),
    open_operation(f"POST {_PATH}/{{id}}", _update, {**EXPAND, "metadata": Metadata()}),
    operation(f"DELETE {_PATH}/{{id}}", _delete),
)
