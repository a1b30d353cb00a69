"""What Stripe's types allow to expand can be expanded, also in lists, or the refusal names it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import stripe

from checkout_daemon.sandbox.api.expand import expand
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.parameters.stripe_types import expandable, stripe_types
from checkout_daemon.sandbox.storage import Storage, Stored
from tests.sandbox.billing_steps import attached, invoice
from tests.sandbox.conftest import Ask, event_types

_PLACES = [
    (kind, place)
    for kind in sorted(stripe_types().expand)
    for place, named in expandable(kind).items()
    if named != "list" and place.count(".") < 3
]


def _holding(kind: str, place: str, value: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"id": "x_1", "object": kind}
    inner = body
    *outer, last = place.split(".")
    for name in outer:
        inner[name] = inner = {}
    inner[last] = value
    return body


def _at(body: Any, place: str) -> Any:
    for name in place.split("."):
        body = body[name]
    return body


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage(tmp_path)
    storage.add(Stored({"id": "named_1", "object": "discount"}))
    storage.add(Stored({"id": "named_2", "object": "discount"}))
    return storage


@pytest.mark.parametrize(("kind", "place"), _PLACES)
def test_an_identifier_is_replaced_by_its_object_wherever_the_types_say_so(
    storage: Storage, kind: str, place: str
) -> None:
    one = _holding(kind, place, "named_1")
    several = _holding(kind, place, ["named_1", "named_2"])
    nothing = _holding(kind, place, None)

    assert _at(expand(storage, copy.deepcopy(one), [place]), place) == {"id": "named_1", "object": "discount"}
    assert [item["id"] for item in _at(expand(storage, several, [place]), place)] == ["named_1", "named_2"]
    assert expand(storage, copy.deepcopy(nothing), [place]) == nothing
    assert expand(storage, {"id": "x_1", "object": "list", "data": [nothing]}, [f"data.{place}"])


@pytest.mark.parametrize(
    ("kind", "place", "message"),
    [
        ("product", "tax_code", "Stripe has tax_code to expand; the offline Stripe does not."),
        ("file", "links", "Stripe has links to expand; the offline Stripe does not."),
        ("product", "name", "This property cannot be expanded (name)."),
        ("product", "nonsense", "This property cannot be expanded (nonsense)."),
        ("invoice", "discounts.nonsense", "This property cannot be expanded (discounts.nonsense)."),
    ],
)
def test_the_refusal_to_expand_states_whether_stripe_can(storage: Storage, kind: str, place: str, message: str) -> None:
    body = {"id": "x_1", "object": kind, "name": "n", "tax_code": "txcd_1", "discounts": ["named_1"]}

    with pytest.raises(ApiError) as refused:
        expand(storage, body, [place])

    assert str(refused.value).startswith(message)


def test_a_deleted_object_is_marked_as_deleted(storage: Storage) -> None:
    body = {"id": "price_1", "object": "price", "product": "prod_gone"}

    assert expand(storage, body, ["product"])["product"] == {"id": "prod_gone", "object": "product", "deleted": True}


async def test_an_invoice_expands_its_discounts_in_lists_too(ask: Ask, customer: str) -> None:
    made = await invoice(ask, customer)

    one = await ask(
        "GET", f"/v1/invoices/{made['id']}", {"expand[0]": "discounts", "expand[1]": "lines.data.discounts"}
    )
    page = await ask("GET", "/v1/invoices", {"expand[0]": "data.discounts", "expand[1]": "data.lines.data.discounts"})
    items = await ask("GET", "/v1/invoiceitems", {"expand[]": "data.discounts"})

    assert (one["discounts"], page["data"][0]["discounts"], items["data"][0]["discounts"]) == ([], [], [])


async def test_a_payment_link_shows_its_items_to_who_asks(ask: Ask, price: str) -> None:
    link = await ask("POST", "/v1/payment_links", {"line_items[0][price]": price, "line_items[0][quantity]": 2})

    shown = await ask("GET", f"/v1/payment_links/{link['id']}", {"expand[]": "line_items"})
    listed = await ask("GET", "/v1/payment_links", {"expand[]": "data.line_items", "active": "true"})

    assert "line_items" not in link
    assert [line["price"]["id"] for line in shown["line_items"]["data"]] == [price]
    assert listed["data"] == [shown]


async def test_a_subscription_is_paid_with_the_secret_of_its_invoice(
    ask: Ask, price: str, client: stripe.StripeClient
) -> None:
    customer = (await ask("POST", "/v1/customers", {}))["id"]
    method = await attached(ask, "visa", customer)
    wanted = {
        "customer": customer,
        "items[0][price]": price,
        "payment_behavior": "default_incomplete",
        "expand[0]": "latest_invoice.confirmation_secret",
        "expand[1]": "latest_invoice.payments",
    }

    started = await ask("POST", "/v1/subscriptions", wanted)
    secret = started["latest_invoice"]["confirmation_secret"]
    intent = secret["client_secret"].partition("_secret_")[0]
    await ask("POST", f"/v1/payment_intents/{intent}/confirm", {"payment_method": method})
    now = await ask("GET", f"/v1/subscriptions/{started['id']}", {"expand[]": "latest_invoice.payments"})

    assert (started["status"], secret["type"]) == ("incomplete", "payment_intent")
    assert started["latest_invoice"]["payments"]["data"][0]["payment"]["payment_intent"] == intent
    assert (now["status"], now["latest_invoice"]["status"]) == ("active", "paid")
    assert now["latest_invoice"]["payments"]["data"][0]["status"] == "paid"
    assert "invoice.paid" in await event_types(client)


async def test_an_invoice_that_is_voided_takes_its_intent_with_it(ask: Ask, customer: str) -> None:
    made = await invoice(ask, customer)
    await ask("POST", f"/v1/invoices/{made['id']}/finalize")
    expanded = {"expand[]": "payments.data.payment.payment_intent"}

    await ask("POST", f"/v1/invoices/{made['id']}/void")

    shown = await ask("GET", f"/v1/invoices/{made['id']}", expanded)
    assert shown["payments"]["data"][0]["payment"]["payment_intent"]["status"] == "canceled"
