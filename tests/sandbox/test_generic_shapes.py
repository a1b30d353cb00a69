"""What a stored object takes from its parameters has Stripe's shape, whatever the parameter."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from stripe._object_classes import OBJECT_CLASSES

from checkout_daemon.sandbox.generic.kind_table import KINDS
from checkout_daemon.sandbox.generic.stored_kinds import StoredKind
from checkout_daemon.sandbox.parameters.stripe_types import parameters
from tests.sandbox.billing_steps import fund, invoice
from tests.sandbox.conftest import Ask
from tests.sandbox.samples import required, sample
from tests.sandbox.sdk_shapes import faults

_MORE = {
    "credit_note": ("amount",),
    "invoiceitem": ("amount",),
    "plan": ("product",),
    "shipping_rate": ("fixed_amount",),
    "subscription_schedule": ("phases",),
}
"""Parameters that some kinds require by their own rules."""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.creates], ids=lambda kind: kind.object)
async def test_every_parameter_leaves_an_object_of_stripes_shape(
    ask: Ask, customer: str, price: str, kind: StoredKind
) -> None:
    await fund(ask, 900_000)
    account = await ask("POST", "/v1/accounts")
    owed = await ask("POST", f"/v1/invoices/{(await invoice(ask, customer))['id']}/finalize")
    given = {
        "amount": "5",
        "cardholder": "",
        "currency": "usd",
        "customer": customer,
        "destination": account["id"],
        "fixed_amount[amount]": "5",
        "fixed_amount[currency]": "usd",
        "invoice": owed["id"],
        "items[0][price]": price,
        "line_items[0][price]": price,
        "phases[0][items][0][price]": price,
        "product[name]": "p",
    }
    if kind.object == "issuing.card":
        holder = await ask(
            "POST", "/v1/issuing/cardholders", required(parameters("POST", "/v1/issuing/cardholders") or {})
        )
        given["cardholder"] = holder["id"]
    shape = parameters("POST", kind.path) or {}
    wanted = {*kind.takes, *kind.uses, *_MORE.get(kind.object, ())}
    wanted |= {name for name, code in shape.items() if code[0] == "!"}
    good = required(shape) | {
        name: value for name, value in given.items() if name.partition("[")[0] in wanted & shape.keys()
    }
    module, name = OBJECT_CLASSES[kind.object]
    cls = getattr(importlib.import_module(module), name)

    assert (await ask("POST", kind.path, good))["object"] == kind.object
    found: list[str] = []
    for parameter, code in sorted(shape.items()):
        form: dict[str, Any] = {**dict(sample(code, parameter)), **good}
        unique = {name: f"{parameter}_{form[name]}" for name in kind.unique if name in form}
        body = await ask("POST", kind.path, {**form, **unique}, status=None)
        if body.get("object") == kind.object:
            found += [f"{parameter}: {fault}" for fault in faults(body, cls)]
        assert (body.get("error") or {}).get("type") != "api_error", parameter

    assert "\n".join(found) == ""
