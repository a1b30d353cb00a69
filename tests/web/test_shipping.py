"""Shipping and tax over HTTP: quotes, checkouts, the shop, and the orders API."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.orders.shipping import Parcel, ship_order
from checkout_daemon.tokens.api_tokens import Scope, create_token
from checkout_daemon.web.app_keys import RUNTIME
from tests.support.flaky_stripe import FlakyStripe
from tests.support.selling import SELLING, VIENNA
from tests.web.conftest import Client, OpenClient, checkout_body
from tests.web.test_checkout import call, count_orders, pay

ITEMS = [{"sku": "NOTE", "quantity": 2}, {"sku": "PEN", "quantity": 3}]
OPERATOR = Operator("ada", "desk")


@pytest.fixture
async def sending(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection, stripe: FlakyStripe, tmp_path: Path
) -> Client:
    """A client of a shop that sends goods."""
    (tmp_path / "shop.toml").write_text(SELLING)
    return await open_client(
        DATABASE_URL=database_url, STRIPE_API_BASE=stripe.base, CHECKOUT_SHOP_FILE=str(tmp_path / "shop.toml")
    )


def sent(**changes: Any) -> dict[str, Any]:
    return checkout_body(items=ITEMS, shipping=VIENNA, shipping_rate="post") | changes


async def test_a_quote_names_the_rates_of_a_country_and_adds_the_chosen_one(sending: Client) -> None:
    _, plain = await call(sending, "POST", "/api/quotes", {"items": ITEMS})
    assert (plain["needs_shipping"], "shipping_rates" in plain, plain["amount_total"]) == (True, False, 3399)
    body = {"items": ITEMS, "country": "AT"}
    _, offered = await call(sending, "POST", "/api/quotes", body, {"Accept-Language": "de-AT"})
    assert offered["shipping_rates"] == [
        {"id": "post", "label": "Post", "amount": 490, "estimate": "2 bis 3 Tage"},
        {"id": "express", "label": "Express", "amount": 1290},
    ]
    assert "amount_shipping" not in offered
    _, chosen = await call(sending, "POST", "/api/quotes", body | {"shipping_rate": "post"})
    assert (chosen["amount_shipping"], chosen["amount_total"], chosen["amount_tax"]) == (490, 3889, 572)
    assert chosen["taxes"] == [
        {"tax_class": "standard", "percent": "20", "amount_gross": 2890, "amount": 481},
        {"tax_class": "reduced", "percent": "10", "amount_gross": 999, "amount": 91},
    ]
    _, abroad = await call(sending, "POST", "/api/quotes", {"items": ITEMS, "country": "US", "shipping_rate": "far"})
    assert (abroad["amount_total"], abroad["amount_tax"], "taxes" in abroad) == (5889, 0, False)


async def test_shipping_may_lift_a_cart_above_stripes_minimum(sending: Client, connection: asyncpg.Connection) -> None:
    await connection.execute("UPDATE products SET unit_amount = 30 WHERE sku = 'NOTE'")
    items = [{"sku": "NOTE", "quantity": 1}]
    for where in ({}, {"country": "AT"}, {"country": "AT", "shipping_rate": "post"}):
        status, quote = await call(sending, "POST", "/api/quotes", {"items": items} | where)
        assert (status, quote["amount_subtotal"]) == (200, 30)
    status, made = await call(sending, "POST", "/api/stripe-checkout", sent(items=items))
    assert (status, made["amount_total"]) == (201, 520)


@pytest.mark.parametrize("where", [{}, {"country": "AT"}, {"country": "AT", "shipping_rate": "free"}])
async def test_free_shipping_lifts_nothing(
    open_client: OpenClient,
    database_url: str,
    connection: asyncpg.Connection,
    stripe: FlakyStripe,
    tmp_path: Path,
    where: dict[str, str],
) -> None:
    (tmp_path / "shop.toml").write_text(
        '[shipping.zones]\nhome = ["AT"]\n[shipping.rates.free]\nzone = "home"\nlabel = "Mail"\namount = 0\n'
    )
    client = await open_client(
        DATABASE_URL=database_url, STRIPE_API_BASE=stripe.base, CHECKOUT_SHOP_FILE=str(tmp_path / "shop.toml")
    )
    await connection.execute("UPDATE products SET unit_amount = 30 WHERE sku = 'NOTE'")
    status, data = await call(client, "POST", "/api/quotes", {"items": [{"sku": "NOTE", "quantity": 1}]} | where)
    assert status == 422
    assert [(error["pointer"], error["code"]) for error in data["errors"]] == [("/items", "amount_too_small")]


@pytest.mark.parametrize(
    ("price", "where", "status"),
    [
        (0, {}, 200),
        (0, {"country": "AT"}, 200),
        (0, {"country": "AT", "shipping_rate": "pickup"}, 200),
        (0, {"country": "AT", "shipping_rate": "letter"}, 422),
        (10, {"country": "AT"}, 200),
        (10, {"country": "AT", "shipping_rate": "pickup"}, 422),
        (10, {"country": "AT", "shipping_rate": "letter"}, 200),
        (5, {"country": "AT"}, 422),
    ],
)
async def test_a_cart_is_taken_as_long_as_one_way_to_send_it_gives_a_possible_total(
    open_client: OpenClient, database_url: str, connection: asyncpg.Connection, stripe: FlakyStripe, tmp_path: Path,
    price: int, where: dict[str, str], status: int,
) -> None:  # fmt: skip
    rates = "".join(
        f'[shipping.rates.{name}]\nzone = "home"\nlabel = "{name}"\namount = {amount}\n'
        for name, amount in (("pickup", 0), ("letter", 40))
    )
    (tmp_path / "shop.toml").write_text(f'[shipping.zones]\nhome = ["AT"]\n{rates}')
    client = await open_client(
        DATABASE_URL=database_url, STRIPE_API_BASE=stripe.base, CHECKOUT_SHOP_FILE=str(tmp_path / "shop.toml")
    )
    await connection.execute("UPDATE products SET unit_amount = $1 WHERE sku = 'NOTE'", price)
    answer = await call(client, "POST", "/api/quotes", {"items": [{"sku": "NOTE", "quantity": 1}]} | where)
    assert answer[0] == status
    if status == 422:
        assert [error["code"] for error in answer[1]["errors"]] == ["amount_too_small"]


async def test_a_country_that_is_not_served_is_a_fault_of_its_field(sending: Client, shop: Client) -> None:
    for country in ("CH", "at", "", "\u0000"):
        status, data = await call(sending, "POST", "/api/quotes", {"items": ITEMS, "country": country})
        assert status == 422
        assert [(error["pointer"], error["code"]) for error in data["errors"]] == [("/country", "country_not_served")]
    status, data = await call(shop, "POST", "/api/quotes", {"items": ITEMS, "country": "AT"})
    assert [(error["pointer"], error["code"]) for error in data["errors"]] == [("/country", "no_shipping")]


async def test_a_shop_without_shipping_answers_as_before(shop: Client) -> None:
    _, quote = await call(shop, "POST", "/api/quotes", {"items": ITEMS})
    assert quote.keys() == {"items", "amount_subtotal", "amount_discount", "amount_total", "currency"}
    _, about = await call(shop, "GET", "/api/shop")
    assert about.keys().isdisjoint({"shipping", "tax_labels"})


async def test_the_shop_states_where_it_sends_and_what_its_tax_is_called(sending: Client) -> None:
    _, about = await call(sending, "GET", "/api/shop")
    assert about["shipping"] == {"countries": ["AT", "DE", "IT", "US"], "address": "form"}
    assert about["tax_labels"] == {"en": "VAT", "de": "USt."}


async def test_every_fault_of_cart_customer_and_address_is_told_at_once(
    sending: Client, connection: asyncpg.Connection
) -> None:
    customer = {"name": "Ada", "email": "ada", "phone": "+43 664 1234567"}
    where = {"line1": "", "city": "Wien", "postal_code": "9", "country": "AT"}
    status, data = await call(sending, "POST", "/api/stripe-checkout", sent(customer=customer, shipping=where))
    assert status == 422
    pointers = {error["pointer"] for error in data["errors"]}
    assert pointers == {"/customer/email", "/shipping/line1", "/shipping/postal_code"}
    for missing, pointer in (("shipping", "/shipping"), ("shipping_rate", "/shipping_rate")):
        _, data = await call(
            sending, "POST", "/api/stripe-checkout", {name: value for name, value in sent().items() if name != missing}
        )
        assert [error["pointer"] for error in data["errors"]] == [pointer]
    assert await count_orders(connection) == 0


async def test_another_address_or_rate_is_another_request(sending: Client, connection: asyncpg.Connection) -> None:
    key = {"Idempotency-Key": "one"}
    status, first = await call(sending, "POST", "/api/stripe-checkout", sent(), key)
    assert status == 201
    spelled = VIENNA | {"line1": " Ring  1 ", "postal_code": "1010 ", "name": "Ada Lovelace"}
    status, again = await call(sending, "POST", "/api/stripe-checkout", sent(shipping=spelled), key)
    assert (status, again["order_id"]) == (200, first["order_id"])
    for other in ({"shipping": VIENNA | {"line1": "Ring 2"}}, {"shipping_rate": "express"}):
        status, data = await call(sending, "POST", "/api/stripe-checkout", sent(**other), key)
        assert (status, data["code"]) == (409, "idempotency_conflict")
    assert await count_orders(connection) == 1


async def test_the_shopper_sees_what_was_added_and_the_orders_api_where_it_goes(sending: Client) -> None:
    _, made = await call(sending, "POST", "/api/stripe-checkout", sent())
    _, seen = await call(sending, "GET", f"/api/stripe-checkout/{made['order_id']}")
    assert (seen["amount_shipping"], seen["shipping_label"], seen["amount_tax"]) == (490, "Mail", 572)
    assert "Ring" not in str(seen)
    database = sending.app[RUNTIME].database
    _, token = await create_token(database, "erp", (Scope.READ,), operator=OPERATOR)
    headers = {"Authorization": f"Bearer {token}"}
    _, page = await call(sending, "GET", "/api/orders", headers=headers)
    _, one = await call(sending, "GET", f"/api/orders/{made['number']}", headers=headers)
    for order in (page["orders"][0], one):
        assert (order["amount_shipping"], order["amount_tax"], order["shipped_at"]) == (490, 572, None)
        assert order["shipping"] == {
            "rate": "post",
            "label": "Mail",
            "estimate": "2 to 3 days",
            "address": VIENNA | {"name": "Ada Lovelace", "line2": "", "state": ""},
            "carrier": "",
            "tracking_number": "",
            "tracking_url": "",
        }
        assert [tax["percent"] for tax in order["taxes"]] == ["20", "10"]


async def test_the_shopper_sees_when_and_how_the_order_was_sent(sending: Client) -> None:
    _, made = await call(sending, "POST", "/api/stripe-checkout", sent())
    _, before = await call(sending, "GET", f"/api/stripe-checkout/{made['order_id']}")
    assert {"shipped_at", "parcel", "refunds"}.isdisjoint(before)
    await pay(sending, made)
    parcel = Parcel("DHL", "0034", "https://track.example/0034")
    shipped = await ship_order(sending.app[RUNTIME].database, made["order_id"], parcel, operator=OPERATOR)
    _, seen = await call(sending, "GET", f"/api/stripe-checkout/{made['order_id']}")
    assert datetime.fromisoformat(seen["shipped_at"]) == shipped.shipped_at
    assert seen["parcel"] == {
        "carrier": "DHL",
        "tracking_number": "0034",
        "tracking_url": "https://track.example/0034",
    }
    assert "paid_at" in seen
