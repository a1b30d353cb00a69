"""Charges: made by payments, here only to be read and annotated."""

from __future__ import annotations

from collections.abc import Mapping

from checkout_daemon.sandbox.box import Box, Include, Operation
from checkout_daemon.sandbox.objects.paging import Condition, first_page, list_page, matching, related
from checkout_daemon.sandbox.objects.shapes import SHIPPING, shipping
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    Map,
    Metadata,
    Params,
    Range,
    Refused,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.storage import Body, Storage
from checkout_daemon.sandbox.webhooks.events import emit


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return box.get(object_id, "charge").body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = box.get(object_id, "charge")
    before = dict(record.body)
    record.body["metadata"] = merge_metadata(record.body["metadata"], params.get("metadata"))
    plain = ("description", "receipt_email", "transfer_group")
    record.body |= {name: params[name] for name in plain if name in params}
    if "shipping" in params:
        record.body["shipping"] = shipping(params["shipping"])
    if params.get("fraud_details"):
        record.body["fraud_details"] = params["fraud_details"]
    box.storage.save(record)
    emit(box, "charge.updated", record.body, {key: old for key, old in before.items() if old != record.body[key]})
    return record.body


def list_all(box: Box, params: Params, _: str) -> Body:
    return list_page(box, "charge", "/v1/charges", params, _filters(params))


def _filters(params: Params) -> list[Condition]:
    return [*related(params, customer="customer", payment_intent="intent"), *matching(params, "transfer_group")]


def list_refunds(box: Box, params: Params, object_id: str) -> Body:
    charge = box.get(object_id, "charge")
    return list_page(box, "refund", f"/v1/charges/{charge.id}/refunds", params, [("parent = ?", charge.id)])


OPERATIONS = (
    Operation("GET", "/v1/charges/{id}", retrieve, EXPAND),
    Operation(
        "POST",
        "/v1/charges/{id}",
        update,
        {
            **EXPAND,
            "customer": Refused("The offline sandbox keeps a charge with the customer of its PaymentIntent."),
            "description": Text(),
            "fraud_details": Map({"user_report": Text(choices=("fraudulent", "safe"))}),
            "metadata": Metadata(),
            "receipt_email": Text(email=True),
            "shipping": Map(SHIPPING),
            "transfer_group": Text(),
        },
    ),
    Operation("GET", "/v1/charges/{id}/refunds", list_refunds, PAGING),
    Operation(
        "GET",
        "/v1/charges",
        list_all,
        {**PAGING, "created": Range(), "customer": Text(), "payment_intent": Text(), "transfer_group": Text()},
    ),
)


def _refunds(storage: Storage, charge: Body) -> Body:
    return first_page(storage.children(charge["id"], "refund")[::-1], f"/v1/charges/{charge['id']}/refunds")


EXPANDABLE: Mapping[tuple[str, str], Include] = {("charge", "refunds"): _refunds}
