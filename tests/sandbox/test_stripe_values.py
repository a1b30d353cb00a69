"""Operations take no value that Stripe's types do not allow, whatever they declare themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from checkout_daemon.sandbox.box import Operation
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.parameters.forms import build_tree
from checkout_daemon.sandbox.parameters.specs import Fields, ListOf, Map, StripeType, Text, read_params
from checkout_daemon.sandbox.parameters.stripe_types import (
    Shape,
    alternatives,
    choices,
    element,
    is_required,
    may_be_empty,
    parameters,
    stripe_types,
    structure,
)
from checkout_daemon.sandbox.resources import OPERATIONS
from tests.sandbox.conftest import Ask
from tests.sandbox.samples import required

_TAKEN = {
    ("ui_mode", "hosted"),
    ("ui_mode", "embedded"),
    ("ui_mode", "custom"),
    ("payment_method_data[type]", "card"),
    ("payment_method_options[customer_balance][bank_transfer][type]", "jp_bank_account"),
}
"""Values that the SDK's types lack: those of older SDKs and of the CLI's triggers, and cards."""
_DEEPEST = 4
_IDS = {"charge", "coupon", "customer", "payment_intent", "payment_method", "price", "product"}
_PRODUCT = "line_items[0][price_data][product_data]"
_RATE = "shipping_options[0][shipping_rate_data]"
_SHIPPING = "payment_intent_data[shipping]"
_MODELLED = [operation for operation in OPERATIONS if parameters(operation.method, operation.path)]


@cache
def _namesakes() -> dict[str, set[str]]:
    """Return all values of the enums of parameters with the same name, anywhere in Stripe's API."""
    found: dict[str, set[str]] = defaultdict(set)
    for shape in stripe_types().objects:
        for name, code in shape.items():
            for kind in alternatives(code):
                found[name].update(choices(kind) if kind[0] == "e" else ())
    return found


def _named(shape: Shape, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str, str]]:
    """Yield every parameter at every depth: its name in forms, the name alone, and its type."""
    for name, code in shape.items():
        full = f"{prefix}[{name}]" if prefix else name
        yield full, name, code
        for kind in alternatives(code):
            inner = element(kind) if kind[0] == "[" else kind
            inside = f"{full}[0]" if kind[0] == "[" else full
            if kind[0] == "[":
                yield inside, name, f"!{inner}"
            for option in alternatives(inner):
                if option[0] == "o" and depth < _DEEPEST:
                    yield from _named(structure(option), inside, depth + 1)


def _wrong(name: str, code: str) -> set[str]:
    """Return values that a type does not allow."""
    kinds = alternatives(code)
    if {kind[0] for kind in kinds} & {"a", "s"}:
        return {""} if code[0] == "!" else set()
    allowed = {value for kind in kinds if kind[0] == "e" for value in choices(kind)}
    words = {"x", *(_namesakes()[name] if allowed else ())} - allowed
    if "b" in kinds:
        words -= {"true", "false"}
    return words | ({""} if code[0] == "!" else set())


@pytest.mark.parametrize("operation", _MODELLED, ids=lambda operation: f"{operation.method} {operation.path}")
def test_no_operation_takes_what_stripe_refuses(operation: Operation) -> None:
    shape = parameters(operation.method, operation.path) or {}
    needed = {
        name: "text"
        for name, spec in operation.specs.items()
        if spec.required and not is_required(shape.get(name, "s"))
    }

    taken = [
        (full, value)
        for full, name, code in _named(shape)
        for value in _wrong(name, code)
        if (full, value) not in _TAKEN and _takes({**needed, **required(shape)}, operation.specs, shape, full, value)
    ]

    assert taken == []


def _takes(form: dict[str, str], specs: Fields, shape: Shape, name: str, value: str) -> bool:
    others = {key: given for key, given in form.items() if not _overlap(key, name)}
    try:
        read_params(build_tree({**others, name: value}.items()), specs, shape)
    except ApiError:
        return False
    return True


def _code_for_empty(operation: Operation, shape: Shape, name: str) -> str | None:
    """Return the code of the error for a request with this parameter alone, which is empty."""
    try:
        read_params(build_tree([(name, "")]), operation.specs, shape, filled=operation.filled)
    except ApiError as error:
        code: str | None = error.error.get("code")
        return code
    return None


@pytest.mark.parametrize("operation", _MODELLED, ids=lambda operation: f"{operation.method} {operation.path}")
def test_an_empty_text_is_refused_where_it_unsets_nothing(operation: Operation) -> None:
    shape = parameters(operation.method, operation.path) or {}
    names = {full: code for full, _, code in _named(shape) if not full.endswith("[0]")}
    filled = {full for full in names if operation.filled and "[address][" not in full}
    checked = {full for full in names if (full in filled and _last(full) != "metadata") or _last(full) in _IDS}

    refused = {full for full in names if _code_for_empty(operation, shape, full) == "parameter_invalid_empty"}

    assert {full for full in checked - refused if not may_be_empty(names[full])} == set()
    assert {full for full in refused if may_be_empty(names[full])} == set()
    assert {full for full in refused if _last(full) == "metadata"} == set()


def _last(name: str) -> str:
    return name.rpartition("[")[2].removesuffix("]")


@pytest.mark.parametrize(
    ("empty", "others"),
    [
        ("metadata", {}),
        ("payment_intent_data[metadata]", {}),
        (f"{_SHIPPING}[address][line2]", {f"{_SHIPPING}[name]": "Ana", f"{_SHIPPING}[address][line1]": "Ring 1"}),
        (f"{_PRODUCT}[metadata]", {}),
        (
            f"{_RATE}[metadata]",
            {
                f"{_RATE}[display_name]": "Post",
                f"{_RATE}[type]": "fixed_amount",
                f"{_RATE}[fixed_amount][amount]": "300",
                f"{_RATE}[fixed_amount][currency]": "eur",
            },
        ),
    ],
)
async def test_a_new_session_takes_empty_metadata_and_lines_of_an_address(
    ask: Ask, empty: str, others: dict[str, str]
) -> None:
    form = {
        "mode": "payment",
        "success_url": "https://shop.example.com",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "500",
        f"{_PRODUCT}[name]": "Notebook",
    }

    session = await ask("POST", "/v1/checkout/sessions", {**form, **others, empty: ""})

    assert (session["status"], session["metadata"]) == ("open", {})


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}[") or other.startswith(f"{one}[")


@pytest.mark.parametrize(
    ("spec", "form"),
    [
        (Text(), {"capture_method": "x"}),
        (Text(), {"confirm": "maybe"}),
        (Text(), {"mandate_data": "x"}),
        (ListOf(Text()), {"allowed_payment_method_types[]": ""}),
        (Map({"type": Text(choices=("x",))}), {"mandate_data[customer_acceptance][type]": "x"}),
        (StripeType("a"), {"mandate_data[customer_acceptance]": "x"}),
        (StripeType("a"), {"mandate_data[customer_acceptance][typ]": "online"}),
        (StripeType("a"), {"mandate_data[other]": "x"}),
        (StripeType("a"), {"payment_method_options[card][capture_method]": "automatic"}),
    ],
)
def test_a_declaration_that_is_looser_than_stripes_has_no_effect(spec: Any, form: dict[str, str]) -> None:
    shape = parameters("POST", "/v1/payment_intents")

    with pytest.raises(ApiError):
        read_params(build_tree(form.items()), {next(iter(form)).partition("[")[0]: spec}, shape)


@pytest.mark.parametrize(
    ("path", "form", "message"),
    [
        ("payment_intents", {"mandate_data": "x"}, "Invalid object: x"),
        (
            "payment_intents",
            {"mandate_data[customer_acceptance][type]": "x"},
            "Invalid mandate_data[customer_acceptance][type]: must be one of ",
        ),
        (
            "payment_intents",
            {"payment_method_options[card][capture_method]": "automatic"},
            "Invalid payment_method_options[card][capture_method]: must be one of manual",
        ),
        (
            "payment_intents",
            {"payment_method_options[card][moto]": "true"},
            "Stripe has the parameter payment_method_options[card][moto]; the offline Stripe does not.",
        ),
        ("customers", {"invoice_settings[custom_fields]": "x"}, "Invalid array: x"),
        (
            "customers",
            {"invoice_settings[custom_fields][0][name]": "PO"},
            "Missing required param: invoice_settings[custom_fields][0][value].",
        ),
        ("customers", {"invoice_settings[rendering_options]": "x"}, "Invalid object: x"),
        ("charges/ch_1", {"fraud_details[user_report]": "x"}, "Invalid fraud_details[user_report]: must be one of "),
    ],
)
async def test_wrong_values_are_refused_as_stripe_refuses_them(
    ask: Ask, path: str, form: dict[str, str], message: str
) -> None:
    good = {"amount": "500", "currency": "usd"} if path == "payment_intents" else {}

    answer = await ask("POST", f"/v1/{path}", {**good, **form}, status=400)

    assert answer["error"]["message"].startswith(message), answer["error"]["message"]


async def test_an_intent_takes_the_data_of_a_card(ask: Ask) -> None:
    card = {"payment_method_data[type]": "card", "payment_method_data[card][token]": "tok_visa"}

    intent = await ask(
        "POST",
        "/v1/payment_intents",
        {"amount": 500, "currency": "usd", "confirm": "true", "payment_method_types[]": "card", **card},
    )

    assert intent["status"] == "succeeded"


async def test_a_fraud_report_is_withdrawn_with_an_empty_value(ask: Ask) -> None:
    paid = {"amount": 500, "currency": "usd", "confirm": "true", "payment_method": "pm_card_visa"}
    intent = await ask("POST", "/v1/payment_intents", {**paid, "payment_method_types[]": "card"})
    path = f"/v1/charges/{intent['latest_charge']}"

    reported = await ask("POST", path, {"fraud_details[user_report]": "safe"})
    withdrawn = await ask("POST", path, {"fraud_details[user_report]": ""})

    assert reported["fraud_details"] == {"user_report": "safe"}
    assert not withdrawn["fraud_details"].get("user_report")
