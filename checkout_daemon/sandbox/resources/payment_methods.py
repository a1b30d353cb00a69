"""Payment methods."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Operation
from checkout_daemon.sandbox.errors import ApiError, missing_object
from checkout_daemon.sandbox.objects.paging import list_page, matching
from checkout_daemon.sandbox.objects.shapes import BILLING_DETAILS, billing_details
from checkout_daemon.sandbox.parameters.specs import (
    EXPAND,
    PAGING,
    Fields,
    Integer,
    Map,
    Metadata,
    Params,
    Text,
    merge_metadata,
)
from checkout_daemon.sandbox.payments import methods
from checkout_daemon.sandbox.payments.testdata import card_by_token
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.events import emit

_REDISPLAY = Text(choices=("always", "limited", "unspecified"))


def build(params: Params) -> Stored:
    """The payment method that these parameters describe, not stored yet."""
    kind = params["type"]
    given = params.get(kind)
    if kind == "customer_balance":
        given = {}
    if given is None:
        raise ApiError(f"Missing required param: {kind}.", code="parameter_missing", param=kind, stored=False)
    details = params.get("billing_details")
    if kind == "sepa_debit":
        record = methods.debit_method(given["iban"], details)
    elif kind == "customer_balance":
        record = methods.balance_method(details)
    elif kind == "us_bank_account":
        for name in ("account_number", "routing_number"):
            _require(kind, given, name)
        record = methods.us_bank_method(
            given["account_number"],
            given["routing_number"],
            details,
            holder=given.get("account_holder_type") or "individual",
            account_type=given.get("account_type") or "checking",
        )
    elif token := given.get("token"):
        card = card_by_token(token)
        if card is None:
            raise missing_object("token", token, "card[token]")
        record = methods.card_method(card, details)
    else:
        for name in ("number", "exp_month", "exp_year"):
            _require(kind, given, name)
        record = methods.card_from_number(
            given["number"], given["exp_month"], given["exp_year"], given.get("cvc"), details
        )
    record.body["metadata"] = merge_metadata({}, params.get("metadata"))
    record.body["allow_redisplay"] = params.get("allow_redisplay") or "unspecified"
    return record


def create(box: Box, params: Params, _: str) -> Body:
    return box.storage.add(build(params)).body


def retrieve(box: Box, _: Params, object_id: str) -> Body:
    return methods.method_by_id(box, object_id, None).body


def update(box: Box, params: Params, object_id: str) -> Body:
    record = _get(box, object_id)
    before = dict(record.body)
    record.body["metadata"] = merge_metadata(record.body["metadata"], params.get("metadata"))
    if "billing_details" in params:
        old = {key: value for key, value in record.body["billing_details"].items() if value is not None}
        record.body["billing_details"] = billing_details({**old, **(params["billing_details"] or {})})
    if params.get("allow_redisplay"):
        record.body["allow_redisplay"] = params["allow_redisplay"]
    box.storage.save(record)
    previous = {name: old for name, old in before.items() if old != record.body[name]}
    emit(box, "payment_method.updated", record.body, previous)
    return record.body


def attach(box: Box, params: Params, object_id: str) -> Body:
    record = methods.method_by_id(box, object_id, None)
    methods.attach(box, record, params["customer"])
    return record.body


def detach(box: Box, _: Params, object_id: str) -> Body:
    record = _get(box, object_id)
    methods.detach(box, record)
    return record.body


def list_all(box: Box, params: Params, _: str) -> Body:
    conditions = [*matching(params, "allow_redisplay", "customer", "type"), ("customer IS NOT ?", None)]
    return list_page(box, "payment_method", "/v1/payment_methods", params, conditions)


def _require(kind: str, given: Params, name: str) -> None:
    if given.get(name) is None:
        param = f"{kind}[{name}]"
        message = f"Missing required param: {param}."
        raise ApiError(message, code="parameter_missing", param=param, stored=False)


def _get(box: Box, object_id: str) -> Stored:
    record = box.storage.find(object_id, "payment_method")
    if record is None:
        raise missing_object("PaymentMethod", object_id, "payment_method", in_path=True)
    return record


CREATE: Fields = {
    "allow_redisplay": _REDISPLAY,
    "billing_details": Map(BILLING_DETAILS),
    "card": Map(
        {
            "token": Text(),
            "number": Text(),
            "exp_month": Integer(),
            "exp_year": Integer(),
            "cvc": Text(),
        }
    ),
    "customer_balance": Map({}),
    "metadata": Metadata(),
    "sepa_debit": Map({"iban": Text(required=True)}),
    "type": Text(required=True, choices=("card", "customer_balance", "sepa_debit", "us_bank_account")),
    "us_bank_account": Map(
        {
            "account_holder_type": Text(choices=("company", "individual")),
            "account_number": Text(),
            "account_type": Text(choices=("checking", "savings")),
            "routing_number": Text(),
        }
    ),
}
OPERATIONS = (
    Operation("POST", "/v1/payment_methods", create, {**EXPAND, **CREATE}),
    Operation("GET", "/v1/payment_methods/{id}", retrieve, EXPAND),
    Operation(
        "POST",
        "/v1/payment_methods/{id}",
        update,
        {
            **EXPAND,
            "allow_redisplay": _REDISPLAY,
            "billing_details": Map(BILLING_DETAILS),
            "metadata": Metadata(),
        },
    ),
    Operation("POST", "/v1/payment_methods/{id}/attach", attach, {**EXPAND, "customer": Text(required=True)}),
    Operation("POST", "/v1/payment_methods/{id}/detach", detach, EXPAND),
    Operation(
        "GET",
        "/v1/payment_methods",
        list_all,
        {**PAGING, "allow_redisplay": _REDISPLAY, "customer": Text(), "type": Text()},
    ),
)
