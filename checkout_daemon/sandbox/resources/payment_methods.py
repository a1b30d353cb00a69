"""Payment methods."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.errors import invalid, missing_object, missing_parameter
from checkout_daemon.sandbox.objects.operations import acting, operation
from checkout_daemon.sandbox.objects.paging import conditions_of, list_page
from checkout_daemon.sandbox.objects.shapes import billing_details
from checkout_daemon.sandbox.parameters.specs import Params, Text, merge_metadata
from checkout_daemon.sandbox.parameters.stripe_fields import Rules, stripe_fields
from checkout_daemon.sandbox.payments import methods
from checkout_daemon.sandbox.payments.stripe_test_methods import card_by_token
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.changes import updating

_PATH = "/v1/payment_methods"


def _build(params: Params) -> Stored:
    """Return the payment method that these parameters describe, not stored yet."""
    kind = params["type"]
    given = params.get(kind)
    if kind == "customer_balance":
        given = {}
    if given is None:
        raise missing_parameter(kind)
    details = params.get("billing_details")
    if kind == "sepa_debit":
        record = methods.debit_method(given["iban"], details)
    elif kind == "customer_balance":
        record = methods.balance_method(details)
    elif kind == "us_bank_account":
        _require(kind, given, "account_number", "routing_number")
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
        _require(kind, given, "number", "exp_month", "exp_year")
        record = methods.card_from_number(
            given["number"], given["exp_month"], given["exp_year"], given.get("cvc"), details
        )
    record.body["metadata"] = merge_metadata({}, params.get("metadata"))
    record.body["allow_redisplay"] = params.get("allow_redisplay") or "unspecified"
    return record


def chosen_method(box: Box, params: Params) -> Stored | None:
    """Return the payment method that a request names or describes, or None if it does neither."""
    if params.get("payment_method"):
        return methods.method_by_id(box, params["payment_method"])
    if params.get("payment_method_data"):
        return box.storage.add(_build(params["payment_method_data"]))
    return None


def _create(box: Box, params: Params, _: str) -> Body:
    return box.storage.add(_build(params)).body


def _retrieve(box: Box, _: Params, object_id: str) -> Body:
    return methods.method_by_id(box, object_id, None).body


def _revise(_: Box, method: Stored, params: Params) -> None:
    if method.customer is None:
        message = (
            "You must save this PaymentMethod to a customer before you can update it. "
            "Try attaching it to a customer first."
        )
        raise invalid(message, param="payment_method")
    body = method.body
    if "billing_details" in params:
        body["billing_details"] = billing_details(params["billing_details"], body["billing_details"])
    if params.get("allow_redisplay"):
        body["allow_redisplay"] = params["allow_redisplay"]


def _list_all(box: Box, params: Params, _: str) -> Body:
    """List the payment methods of a customer. Without one, Stripe lists none."""
    conditions = conditions_of(params, {"customer": "customer"})
    if "customer" not in params:
        conditions.append(("customer = ?", None))
    return list_page(box, "payment_method", _PATH, params, conditions)


def _attach(box: Box, params: Params, object_id: str) -> Body:
    record = methods.method_by_id(box, object_id, None)
    methods.attach(box, record, params["customer"])
    return record.body


def _detach(box: Box, method: Stored, _: Params) -> None:
    methods.detach(box, method)


def _require(kind: str, given: Params, *names: str) -> None:
    for name in names:
        if given.get(name) is None:
            raise missing_parameter(f"{kind}[{name}]")


_CREATE = Rules(
    only="allow_redisplay billing_details card customer_balance metadata sepa_debit us_bank_account",
    own={
        "type": Text(required=True, choices=("card", "customer_balance", "sepa_debit", "us_bank_account")),
    },
    refuse={"": "financial_connections_account networks"},
    emails=("email",),
    most={"email": 512},
)
FIELDS = {name: spec for name, spec in stripe_fields(f"POST {_PATH}", _CREATE).items() if name != "expand"}
OPERATIONS = (
    operation(f"POST {_PATH}", _create, _CREATE),
    operation(f"GET {_PATH}/{{id}}", _retrieve),
    updating(
        _PATH,
        "payment_method",
        _revise,
        Rules(only="allow_redisplay billing_details metadata", emails=("email",), most={"email": 512}),
    ),
    operation(f"POST {_PATH}/{{id}}/attach", _attach, Rules(only="", own={"customer": Text(required=True)})),
    acting(f"POST {_PATH}/{{id}}/detach", "payment_method", _detach),
    operation(
        f"GET {_PATH}",
        _list_all,
        Rules(only="allow_redisplay customer ending_before limit starting_after type"),
    ),
)
