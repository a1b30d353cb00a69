"""The sandbox's operations take the parameters of the official SDK's types, or refuse them by declaration."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stripe

import checkout_daemon
from checkout_daemon.sandbox.box import Operation
from checkout_daemon.sandbox.generic import kind_table
from checkout_daemon.sandbox.parameters.specs import Flag, Integer, ListOf, Map, Refused, Spec, Text
from checkout_daemon.sandbox.resources import MODULES, OPERATIONS, payment_intents, payment_methods
from checkout_daemon.sandbox.stripecli import listeners
from tests.sandbox.conftest import open_session
from tests.sandbox.sdk_params import SOURCE, by_route, differences, methods

GATEWAY = {
    "v1.accounts.retrieve_current_async": ("GET", "/v1/account"),
    "v1.charges.list_async": ("GET", "/v1/charges"),
    "v1.balance_transactions.list_async": ("GET", "/v1/balance_transactions"),
    "v1.balance_transactions.retrieve_async": ("GET", "/v1/balance_transactions/{id}"),
    "v1.charges.retrieve_async": ("GET", "/v1/charges/{id}"),
    "v1.checkout.sessions.create_async": ("POST", "/v1/checkout/sessions"),
    "v1.checkout.sessions.expire_async": ("POST", "/v1/checkout/sessions/{id}/expire"),
    "v1.checkout.sessions.line_items.list_async": ("GET", "/v1/checkout/sessions/{id}/line_items"),
    "v1.checkout.sessions.list_async": ("GET", "/v1/checkout/sessions"),
    "v1.checkout.sessions.retrieve_async": ("GET", "/v1/checkout/sessions/{id}"),
    "v1.coupons.create_async": ("POST", "/v1/coupons"),
    "v1.coupons.delete_async": ("DELETE", "/v1/coupons/{id}"),
    "v1.coupons.list_async": ("GET", "/v1/coupons"),
    "v1.coupons.update_async": ("POST", "/v1/coupons/{id}"),
    "v1.events.list_async": ("GET", "/v1/events"),
    "v1.events.retrieve_async": ("GET", "/v1/events/{id}"),
    "v1.disputes.close_async": ("POST", "/v1/disputes/{id}/close"),
    "v1.disputes.list_async": ("GET", "/v1/disputes"),
    "v1.disputes.retrieve_async": ("GET", "/v1/disputes/{id}"),
    "v1.disputes.update_async": ("POST", "/v1/disputes/{id}"),
    "v1.files.create_async": ("POST", "/v1/files"),
    "v1.payment_intents.list_async": ("GET", "/v1/payment_intents"),
    "v1.payment_intents.retrieve_async": ("GET", "/v1/payment_intents/{id}"),
    "v1.payouts.list_async": ("GET", "/v1/payouts"),
    "v1.payouts.retrieve_async": ("GET", "/v1/payouts/{id}"),
    "v1.refunds.create_async": ("POST", "/v1/refunds"),
    "v1.refunds.list_async": ("GET", "/v1/refunds"),
    "v1.refunds.update_async": ("POST", "/v1/refunds/{id}"),
    "v1.webhook_endpoints.create_async": ("POST", "/v1/webhook_endpoints"),
    "v1.webhook_endpoints.delete_async": ("DELETE", "/v1/webhook_endpoints/{id}"),
    "v1.webhook_endpoints.list_async": ("GET", "/v1/webhook_endpoints"),
    "v1.webhook_endpoints.retrieve_async": ("GET", "/v1/webhook_endpoints/{id}"),
    "v1.webhook_endpoints.update_async": ("POST", "/v1/webhook_endpoints/{id}"),
}
"""Every method of the SDK that the project calls, with its route."""

EXTRAS = {
    ("POST", "/v1/checkout/sessions"): {
        "payment_method_types",  # the CLI's triggers send it, as older versions of the API had it
    },
    ("POST", "/v1/promotion_codes"): {"coupon"},  # as well
    ("POST", "/v1/customers"): {"coupon"},
    ("POST", "/v1/customers/{id}"): {"coupon"},
}
NOT_REQUIRED = {
    "fraud_details.user_report: not required here",  # the only one of its object; may be empty to withdraw it
    "promotion: not required here",  # the CLI's triggers name the coupon at the top level
}
NOT_IN_SDK = {
    ("GET", "/v1/charges/{id}/refunds"),
    ("POST", "/v1/test_helpers/charges/{id}/dispute"),
    ("POST", "/v1/test_helpers/charges/{id}/early_fraud_warning"),
    ("POST", "/v1/events/{id}/retry"),
    ("GET", "/v1/payment_pages/{id}"),
    ("POST", "/v1/payment_pages/{id}/confirm"),
}
"""Routes that the SDK does not know: of the CLI, older than the SDK, or our own."""

_TABLE = {(operation.method, operation.path): operation for operation in OPERATIONS}
_UNKNOWN_IS_REFUSED = (listeners, payment_intents, payment_methods, kind_table)
"""Resources that do not name all of Stripe's parameters: any other is refused because Stripe has it."""
_MODELLED = [operation for module in MODULES if module not in _UNKNOWN_IS_REFUSED for operation in module.OPERATIONS]


def found_differences(operation: Operation) -> list[str]:
    route = (operation.method, operation.path)
    found = differences(by_route()[route], operation.specs, frozenset(EXTRAS.get(route, ())))
    return [difference for difference in found if difference not in NOT_REQUIRED]


def called_methods() -> set[str]:
    """Return the SDK's methods that the project calls: those named by path in the gateway, or on a client's `v1`."""
    names = set()
    for file in Path(str(checkout_daemon.__file__)).parent.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        names |= set(re.findall(r"\bv1\.[a-z_.]+_async", source))
        if file.parent.name == "stripe_api":
            names |= {f"v1.{path}_async" for path in re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', source)}
    return {name for name in names if callable(_resolved(name))}


def _resolved(name: str) -> Any:
    found: Any = stripe.StripeClient("sk_test_123456789")
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def test_the_table_names_every_method_that_the_gateway_calls() -> None:
    assert called_methods() == GATEWAY.keys()


@pytest.mark.parametrize("name", GATEWAY)
def test_methods_that_the_gateway_calls_have_the_routes_of_the_table(name: str) -> None:
    service: Any = stripe.StripeClient("sk_test_123456789")
    *parts, function = name.split(".")
    for part in parts:
        service = getattr(service, part)
    source = inspect.getsource(getattr(type(service), function.removesuffix("_async")))
    method = next(
        candidate
        for candidate in methods().values()
        if candidate.file == Path(inspect.getfile(type(service))).relative_to(SOURCE)
        and candidate.name.endswith(f".{function.removesuffix('_async')}")
    )
    assert method.path in source
    assert method.route == GATEWAY[name]


@pytest.mark.parametrize("name", GATEWAY)
def test_what_the_gateway_calls_takes_the_sdks_parameters(name: str) -> None:
    assert found_differences(_TABLE[GATEWAY[name]]) == []


@pytest.mark.parametrize(
    "operation", _MODELLED, ids=[f"{operation.method} {operation.path.removeprefix('/v1/')}" for operation in _MODELLED]
)
def test_operations_take_the_sdks_parameters(operation: Operation) -> None:
    route = (operation.method, operation.path)
    if route in NOT_IN_SDK:
        assert route not in by_route()
    else:
        assert found_differences(operation) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": None}, "metadata: missing"),
        ({"nonsense": Text()}, "nonsense: not in the SDK"),
        ({"mode": Integer()}, "mode: Integer only here"),
        ({"mode": Text(choices=("payment",))}, "mode: does not take ['setup', 'subscription']"),
        ({"locale": Text(choices=("xx",))}, "locale: takes ['xx'], which the SDK does not know"),
        ({"success_url": Text(required=True)}, "success_url: required only here"),
        ({"line_items": Text()}, "line_items: Text only here"),
        ({"line_items": ListOf(Map({"price": Text()}))}, "line_items[].quantity: missing"),
        ({"allow_promotion_codes": ListOf(Flag())}, "allow_promotion_codes: a list only here"),
    ],
)
def test_the_comparison_finds_faults(change: dict[str, Spec | None], message: str) -> None:
    operation = _TABLE["POST", "/v1/checkout/sessions"]
    specs = {name: spec for name, spec in {**operation.specs, **change}.items() if spec is not None}
    assert message in found_differences(replace(operation, specs=specs))


def refused(specs: Mapping[str, Spec], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every parameter that is refused by declaration, with the reason."""
    for name, spec in specs.items():
        path = f"{prefix}[{name}]" if prefix else name
        if isinstance(spec, ListOf):
            path, spec = f"{path}[0]", spec.element
        if isinstance(spec, Refused):
            yield path, spec.because
        elif isinstance(spec, Map):
            yield from refused(spec.fields, path)


_REFUSED = [
    (name, because)
    for name, because in refused(_TABLE["POST", "/v1/checkout/sessions"].specs)
    if not name.startswith("payment_method_options") or "klarna" in name
]


@pytest.mark.parametrize(("name", "because"), _REFUSED)
async def test_what_the_sandbox_lacks_is_refused_by_name(client: stripe.StripeClient, name: str, because: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.raw_request_async("post", "/v1/checkout/sessions", **nested(name))
    assert caught.value.param == name
    assert because in str(caught.value.user_message)


_SIBLINGS = {
    "price_data": {"currency": "usd"},
    "product_data": {"name": "Mug"},
    "liability": {"type": "self"},
    "automatic_tax": {"enabled": "false"},
    "invoice_creation": {"enabled": "false"},
    "issuer": {"type": "self"},
    "shipping_rate_data": {"display_name": "Post"},
    "fixed_amount": {"amount": "5", "currency": "usd"},
}
"""What must be given for a parameter next to it to be read."""


def nested(name: str) -> dict[str, Any]:
    """Return `a[0][b]` as the SDK would take it, with what must be given next to it."""
    parts = name.replace("]", "").split("[")
    value: Any = "x"
    for above, part in reversed(list(zip(["", *parts], parts, strict=False))):
        value = [value] if part == "0" else {**_SIBLINGS.get(above, {}), part: value}
    return value  # type: ignore[no-any-return]


async def test_a_session_that_the_sdk_types_allow_is_made(client: stripe.StripeClient) -> None:
    session = await open_session(
        client, allowed_payment_method_types=["card", "us_bank_account"], excluded_payment_method_types=["klarna"]
    )
    assert session.payment_method_types == ["card", "us_bank_account"]
    assert session.allowed_payment_method_types == ["card", "us_bank_account"]
    assert session.excluded_payment_method_types == ["klarna"]


def test_the_sdk_was_read() -> None:
    assert len(methods()) > 500
    assert importlib.import_module("stripe").VERSION.startswith("16.")
