"""The table of routes and parameters is the installed SDK's, and what the sandbox lacks is refused by name."""

from __future__ import annotations

import re
from typing import Any

import pytest

from checkout_daemon.sandbox.api.router import Router
from checkout_daemon.sandbox.box import API_VERSION, Operation
from checkout_daemon.sandbox.errors import ApiError, unmodelled_url
from checkout_daemon.sandbox.parameters.specs import StripeType, read_params
from checkout_daemon.sandbox.parameters.stripe_fields import Rules, stripe_fields
from checkout_daemon.sandbox.parameters.stripe_types import parameters, routes, stripe_types
from checkout_daemon.sandbox.resources import OPERATIONS
from tests.sandbox import stripe_table
from tests.sandbox.conftest import Ask
from tests.sandbox.samples import required, sample
from tests.sandbox.sdk_params import by_route

_ROUTER = Router(OPERATIONS, routes())
_MODELLED = {(operation.method, operation.path): operation for operation in OPERATIONS}


def test_the_table_is_the_installed_sdks() -> None:
    """Run `make stripe-table` after an upgrade, and read what changed."""
    assert stripe_table.FILE.read_text(encoding="utf-8") == stripe_table.text()


def _answer(method: str, path: str) -> str:
    try:
        operation, _ = _ROUTER.find(method, path)
    except ApiError as error:
        return f"{error.status} {error}"
    return f"{operation.method} {operation.path}"


def test_every_route_of_the_sdk_is_answered_or_refused_by_name() -> None:
    answers = {route: _answer(route[0], route[1].replace("{id}", "x_1")) for route in by_route()}

    assert answers == {
        (method, path): f"{method} {path}"
        if (method, path) in _MODELLED
        else f"404 {unmodelled_url(method, path.replace('{id}', 'x_1'))}"
        for method, path in by_route()
    }
    assert len([answer for answer in answers.values() if "the offline Stripe does not" in answer]) > 300


@pytest.mark.parametrize("path", ["/v1/chargez", "/v1/charges/x/y/z/w", "/v3/core/events"])
def test_a_route_that_stripe_does_not_have_is_unknown(path: str) -> None:
    with pytest.raises(ApiError, match="Unrecognized request URL"):
        _ROUTER.find("POST", path)


def _refusal(operation: Operation, name: str) -> ApiError | None:
    """Return the error for a request with this parameter and everything that is required."""
    shape = parameters(operation.method, operation.path) or {}
    form: Any = {}
    needed = {
        key: "text" for key, spec in operation.specs.items() if spec.required and not isinstance(spec, StripeType)
    }
    for key, value in {**needed, **required(shape), **dict(sample(shape[name], name))}.items():
        _put(form, key, value)
    try:
        read_params(form, operation.specs, shape)
    except ApiError as error:
        return error
    return None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: f"{operation.method} {operation.path}")
def test_a_parameter_is_taken_or_refused_by_name_and_never_called_unknown(operation: Operation) -> None:
    shape = parameters(operation.method, operation.path) or {}
    answers = {name: _refusal(operation, name) for name in shape}

    unknown = [name for name, error in answers.items() if error and error.error.get("code") == "parameter_unknown"]
    lacking = [name for name in shape if name not in operation.specs]
    assert unknown == []
    assert [name for name in lacking if "; the offline Stripe does not" not in str(answers[name])] == []


def _put(form: dict[str, Any], key: str, value: str) -> None:
    *outer, last = key.replace("]", "").split("[")
    for part in outer:
        form = form.setdefault(part, {})
    if isinstance(form, dict):
        form[last] = value


@pytest.mark.parametrize(
    ("method", "path", "form", "message"),
    [
        ("POST", "/v1/charges", {"amount": 5}, "Stripe has POST /v1/charges; the offline Stripe does not."),
        ("GET", "/v2/core/events", {}, "Stripe has GET /v2/core/events; the offline Stripe does not."),
        ("POST", "/v1/payment_methods", {"type": "klarna"}, "Stripe has type=klarna; the offline Stripe does not."),
        ("POST", "/v1/payment_methods", {"type": "clarna"}, "Invalid type: must be one of "),
        (
            "POST",
            "/v1/refunds",
            {"payment_intent": "pi_1", "reason": "x"},
            "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer",
        ),
        ("POST", "/v1/payment_methods", {"type": "card", "card[network]": "x"}, "Received unknown parameter: card["),
        (
            "POST",
            "/v1/payment_methods",
            {"type": "card", "p24[bank]": "ing"},
            "Stripe has the parameter p24; the offline Stripe does not.",
        ),
        (
            "POST",
            "/v1/payment_methods",
            {"type": "card", "card[networks][preferred]": "visa"},
            "Stripe has the parameter card[networks]; the offline Stripe does not.",
        ),
        (
            "POST",
            "/v1/payment_intents",
            {"amount": 500, "currency": "usd", "payment_method_data[type]": "p24"},
            "Stripe has payment_method_data[type]=p24; the offline Stripe does not.",
        ),
        (
            "POST",
            "/v1/checkout/sessions",
            {"payment_method_types[]": "link"},
            "Stripe has payment_method_types[0]=link; the offline Stripe does not.",
        ),
        ("GET", "/v1/payment_intents", {"customer_account": "x"}, "Stripe has the parameter customer_account; "),
        ("GET", "/v1/payment_intents", {"customer_acount": "x"}, "Received unknown parameter: customer_acount"),
        ("GET", "/v1/setup_intents", {"attach_to_self": "true"}, "Stripe has the parameter attach_to_self"),
        ("POST", "/v1/plans", {"currency": "usd"}, "Missing required param: interval."),
        ("POST", "/v1/tax_rates", {"display_name": "x", "inclusive": "true"}, "Missing required param: percentage."),
        (
            "POST",
            "/v1/tax_rates",
            {"display_name": "x", "inclusive": "true", "percentage": "abc"},
            "Invalid decimal: abc",
        ),
        (
            "POST",
            "/v1/webhook_endpoints",
            {"url": "http://127.0.0.1/x", "enabled_events[]": "chekout.session.completed"},
            "Invalid enabled_events[0]: must be one of ",
        ),
        (
            "POST",
            "/v1/webhook_endpoints",
            {"url": "http://127.0.0.1/x", "enabled_events[]": "*", "api_version": "1999-99-99"},
            "Invalid api_version: must be one of ",
        ),
        (
            "POST",
            "/v1/webhook_endpoints",
            {"url": "http://127.0.0.1/x", "enabled_events[]": "*", "connect": "true"},
            "Stripe has the parameter connect; ",
        ),
        (
            "POST",
            "/v1/refunds",
            {"payment_intent": "pi_1", "reverse_transfer": "true"},
            "Stripe has the parameter reverse_transfer; ",
        ),
        (
            "POST",
            "/v1/refunds",
            {"payment_intent": "pi_1", "refund_application_fee": "true"},
            "Stripe has the parameter refund_application_fee; ",
        ),
        ("POST", "/v1/products", {"name": "Cup", "type": "good"}, "Stripe has type=good; the offline Stripe does not."),
        ("POST", "/v1/products", {"amount": "5", "currency": "eur"}, "Received unknown parameters: amount, currency"),
        (
            "POST",
            "/v1/payment_methods",
            {"type": "card", "card[number]": "4001007020000002", "card[exp_month]": 12, "card[exp_year]": 2050},
            "Stripe has the test card 4001007020000002; the offline Stripe does not.",
        ),
        (
            "POST",
            "/v1/payment_methods",
            {"type": "card", "card[token]": "tok_visa_cartesBancaires"},
            "Stripe has the test card tok_visa_cartesBancaires; the offline Stripe does not.",
        ),
        ("POST", "/v1/subscriptions", {"customer": "cus_1", "collection_method": "x"}, "Invalid collection_method: "),
        ("POST", "/v1/invoices", {"customer": "cus_1", "subscription": "sub_1"}, "Stripe has the parameter subscript"),
    ],
)
async def test_a_refusal_states_the_reason(
    ask: Ask, method: str, path: str, form: dict[str, Any], message: str
) -> None:
    answer = await ask(method, path, form, status=None)

    assert answer["error"]["message"].startswith(message), answer["error"]["message"]


async def test_every_request_of_the_sdk_is_answered_as_by_stripe_or_refused_by_name(ask: Ask) -> None:
    answers = {}
    for method, path in by_route():
        form = required(parameters(method, path) or {})
        answers[method, path] = await ask(method, path.replace("{id}", "x_1"), form, status=None)

    errors = {route: answer["error"] for route, answer in answers.items() if isinstance(answer.get("error"), dict)}
    broken = {route for route, error in errors.items() if error["type"] == "api_error"}
    unknown = {route for route, error in errors.items() if error.get("code") == "parameter_unknown"}
    lacking = {route for route, error in errors.items() if error["message"].startswith(f"Stripe has {route[0]} /v")}
    assert (broken, unknown) == (set(), set())
    assert lacking == by_route().keys() - _MODELLED.keys()


async def test_every_event_can_be_asked_for(ask: Ask) -> None:
    form = {"url": "http://127.0.0.1/hook", "enabled_events[]": "*", "api_version": API_VERSION}
    made = await ask("POST", "/v1/webhook_endpoints", form)

    assert (made["enabled_events"], made["api_version"]) == (["*"], API_VERSION)


def test_the_table_is_small() -> None:
    assert stripe_table.FILE.stat().st_size < 300_000
    assert len(stripe_types().routes) > 600


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        (Rules(refuse={"No reason.": "currency amuont_off"}), "refuse: amuont_off"),
        (Rules(least={"amuont_off": 1}), "least: amuont_off"),
        (Rules(most={"applies_to[prodcts]": 1, "name": 40}), "most: applies_to[prodcts]"),
        (Rules(emails=("emial",)), "emails: emial"),
        (Rules(optional=("durration",)), "optional: durration"),
        (Rules(least={"name": 1}), "least: name"),
    ],
)
def test_a_rule_that_applies_to_no_parameter_is_an_error(rules: Rules, named: str) -> None:
    with pytest.raises(ValueError, match=f"POST /v1/coupons: {re.escape(named)}$"):
        stripe_fields("POST /v1/coupons", rules)
