"""Kinds that the sandbox stores rather than models: their values, refusals and unique keys."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from checkout_daemon.sandbox.generic.kind_table import KINDS
from checkout_daemon.sandbox.generic.stored_kinds import StoredKind
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.parameters.stripe_types import Shape, parameters
from tests.sandbox.billing_steps import fund, invoice
from tests.sandbox.conftest import Ask, wait_for
from tests.sandbox.samples import required

STRANGE = ("text", {"[a]": "b"}, {"[0]": "x", "[1]": "y"}, "-1", "true", "")
HOLDER = {
    "name": "n",
    **{f"billing[address][{name}]": "x" for name in ("city", "line1", "postal_code")},
    "billing[address][country]": "US",
}
VAT = {"display_name": "VAT", "inclusive": "false", "percentage": "19.5"}


async def test_an_update_merges_metadata_and_reports_the_previous_values(ask: Ask, client: stripe.StripeClient) -> None:
    rate = await ask("POST", "/v1/tax_rates", {**VAT, "metadata[a]": "1", "metadata[b]": "2"})

    changed = await ask("POST", f"/v1/tax_rates/{rate['id']}", {"active": "false", "metadata[a]": "", "metadata[c]": 3})

    assert changed["metadata"] == {"b": "2", "c": "3"}
    event = await wait_for(client, "tax_rate.updated")
    assert event.data.to_dict()["previous_attributes"] == {"active": True, "metadata": {"a": "1", "c": None}}
    assert await ask("GET", f"/v1/tax_rates/{rate['id']}") == changed


async def test_values_get_the_types_that_stripe_gives_them(ask: Ask) -> None:
    holder = {
        **HOLDER,
        "phone_number": "34666777888",
        "billing[address][postal_code]": "94111",
        "individual[card_issuing][user_terms_acceptance][date]": "1470266163",
        "individual[first_name]": "My",
        "spending_controls[blocked_categories][]": "taxicabs_limousines",
    }
    made = await ask("POST", "/v1/issuing/cardholders", holder)

    assert made["phone_number"] == "34666777888"
    assert made["billing"]["address"] == {
        "city": "x",
        "country": "US",
        "line1": "x",
        "line2": None,
        "state": None,
        "postal_code": "94111",
    }
    assert made["individual"]["card_issuing"]["user_terms_acceptance"]["date"] == 1_470_266_163
    assert made["spending_controls"]["blocked_categories"] == ["taxicabs_limousines"]


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"currency": "usd", "destination": "acct_none"}, "amount", "parameter_missing"),
        ({"amount": "x", "currency": "usd", "destination": "acct_none"}, "amount", "parameter_invalid_integer"),
        ({"amount": 1, "currency": "usd", "destination": "acct_none"}, "destination", "resource_missing"),
    ],
)
async def test_bad_parameters_are_refused(ask: Ask, params: dict[str, Any], param: str, code: str) -> None:
    error = (await ask("POST", "/v1/transfers", params, status=400))["error"]

    assert (error["param"], error["code"]) == (param, code)


async def test_unknown_objects_and_wrong_statuses_are_refused(ask: Ask, customer: str) -> None:
    draft = await invoice(ask, customer)

    missing = await ask("GET", "/v1/invoices/in_none", status=404)
    void = await ask("POST", f"/v1/invoices/{draft['id']}/void", status=400)

    assert missing["error"]["code"] == "resource_missing"
    assert "its status is draft" in void["error"]["message"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.creates], ids=lambda kind: kind.object)
async def test_strange_values_never_break_the_sandbox(ask: Ask, customer: str, price: str, kind: StoredKind) -> None:
    await fund(ask, 90_000)
    account = await ask("POST", "/v1/accounts")
    owed = await ask("POST", f"/v1/invoices/{(await invoice(ask, customer))['id']}/finalize")
    holder = await ask("POST", "/v1/issuing/cardholders", HOLDER)
    shape = parameters("POST", kind.path) or {}
    plausible = {
        "amount": "500",
        "currency": "usd",
        "customer": customer,
        "destination": account["id"],
        "fixed_amount[amount]": "5",
        "fixed_amount[currency]": "usd",
        "invoice": owed["id"] if kind.object == "credit_note" else "",
        "cardholder": holder["id"],
        "items[0][price]": price,
        "line_items[0][price]": price,
        "phases[0][items][0][price]": price,
        "product[name]": "p",
    }
    kept = {name: value for name, value in plausible.items() if _used(kind, shape, name)}
    good = required(shape) | kept
    fields = [name for name in new_body(kind.object, "x_") if name not in ("id", "object")]
    tried = {*fields, *kind.takes, "items", "lines", "line_items", "phases", "metadata", "product", "pricing", "period"}

    plain = await ask("POST", kind.path, good)
    answers = [
        await ask("POST", kind.path, _with(good, field, value), status=None)
        for field in sorted(tried)
        for value in STRANGE
    ]

    assert plain["object"] == kind.object
    assert not [
        answer for answer in answers if answer.get("object") != kind.object and answer["error"]["type"] == "api_error"
    ]


def _used(kind: StoredKind, shape: Shape, name: str) -> bool:
    """Return whether the kind takes the parameter. A test clock's customer, for example, is refused."""
    first = name.partition("[")[0]
    fields = new_body(kind.object, kind.prefix)
    return first in shape and (first in fields or first in kind.takes or first in kind.uses)


def _with(params: dict[str, Any], field: str, value: str | dict[str, str]) -> dict[str, str]:
    """Return the parameters with this one replaced, written as `name[key]` if it is a map."""
    kept = {name: value for name, value in params.items() if name != field and not name.startswith(f"{field}[")}
    inner = value if isinstance(value, dict) else {"": value}
    return kept | {f"{field}{key}": value for key, value in inner.items()}


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/entitlements/features", {"lookup_key": "a", "name": "n"}),
        ("/v1/radar/value_lists", {"alias": "a", "name": "n"}),
        ("/v1/billing/meters", {"display_name": "d", "event_name": "e", "default_aggregation[formula]": "sum"}),
        ("/v1/prices", {"currency": "usd", "unit_amount": 5, "product_data[name]": "P", "lookup_key": "gold"}),
    ],
)
async def test_keys_are_given_once(ask: Ask, path: str, form: dict[str, Any]) -> None:
    await ask("POST", path, form)

    error = (await ask("POST", path, form, status=400))["error"]

    assert error["code"] == "resource_already_exists"
    assert len((await ask("GET", path))["data"]) == 1


async def test_a_lookup_key_moves_to_the_price_that_takes_it_over(ask: Ask) -> None:
    given = {"currency": "usd", "unit_amount": 5, "product_data[name]": "P", "lookup_key": "gold"}
    first = await ask("POST", "/v1/prices", given)
    second = await ask("POST", "/v1/prices", {**given, "transfer_lookup_key": "true"})
    taken = await ask("POST", f"/v1/prices/{first['id']}", {"lookup_key": "gold"}, status=400)

    page = await ask("GET", "/v1/prices", {"lookup_keys[]": "gold"})
    back = await ask("POST", f"/v1/prices/{first['id']}", {"lookup_key": "gold", "transfer_lookup_key": "true"})
    same = await ask("POST", f"/v1/prices/{first['id']}", {"lookup_key": "gold"})

    assert [item["id"] for item in page["data"]] == [second["id"]]
    assert "already uses that lookup key" in taken["error"]["message"]
    assert (back["lookup_key"], same["lookup_key"]) == ("gold", "gold")
    assert (await ask("GET", f"/v1/prices/{second['id']}"))["lookup_key"] is None
