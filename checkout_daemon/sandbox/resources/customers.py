"""Customers."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.events import emit
from checkout_daemon.sandbox.listing import list_page, matching
from checkout_daemon.sandbox.params import EXPAND, PAGING, ListOf, Map, Metadata, Params, Range, Text, merge_metadata
from checkout_daemon.sandbox.sessions import new_customer
from checkout_daemon.sandbox.shapes import ADDRESS, SHIPPING, address, shipping
from checkout_daemon.sandbox.storage import Body, Record

_PLAIN = (
    "email",
    "name",
    "phone",
    "description",
    "preferred_locales",
    "tax_exempt",
    "business_name",
    "individual_name",
)
_CHANGEABLE = {
    **EXPAND,
    "address": Map(ADDRESS),
    "business_name": Text(maximum=150),
    "description": Text(),
    "email": Text(maximum=512),
    "individual_name": Text(maximum=150),
    "metadata": Metadata(),
    "name": Text(maximum=256),
    "phone": Text(maximum=20),
    "preferred_locales": ListOf(Text()),
    "shipping": Map(SHIPPING),
    "tax_exempt": Text(choices=("exempt", "none", "reverse")),
}


def _apply(body: Body, params: Params) -> None:
    body |= {name: params[name] for name in _PLAIN if name in params}
    body["metadata"] = merge_metadata(body["metadata"], params.get("metadata"))
    if "address" in params:
        body["address"] = address(params["address"]) if params["address"] else None
    if "shipping" in params:
        body["shipping"] = shipping(params["shipping"])


def create(box: Box, params: Params, _: str) -> Body:
    body = new_customer()
    _apply(body, params)
    box.storage.add(Record(body))
    emit(box, "customer.created", body)
    return body


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "customer")
    return record.body if not record.private.get("deleted") else _deleted(object_id)


def update(box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, "customer")
    before = dict(record.body)
    _apply(record.body, params)
    box.storage.save(record)
    emit(box, "customer.updated", record.body, {key: old for key, old in before.items() if old != record.body[key]})
    return record.body


def delete(box: Box, _: Params, object_id: str) -> Body:
    record = box.get(object_id, "customer")
    if not record.private.get("deleted"):
        record.private["deleted"] = True
        record.kind = "deleted"
        box.storage.save(record)
        emit(box, "customer.deleted", record.body)
    return _deleted(object_id)


def list_all(box: Box, params: Params, _: str) -> Body:
    conditions = [*matching(params, "email"), ("kind IS NOT ?", "deleted")]
    return list_page(box, "customer", "/v1/customers", params, conditions)


def _deleted(object_id: str) -> Body:
    return {"id": object_id, "object": "customer", "deleted": True}


OPERATIONS = (
    Operation("POST", "/v1/customers", create, _CHANGEABLE),
    Operation("GET", "/v1/customers/{id}", retrieve, EXPAND),
    Operation("POST", "/v1/customers/{id}", update, _CHANGEABLE),
    Operation("DELETE", "/v1/customers/{id}", delete, {}),
    Operation("GET", "/v1/customers", list_all, {**PAGING, "created": Range(), "email": Text(maximum=512)}),
)
