"""Orders of goods that must be sent: what they cost, where they go, and what is stored and told about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.catalog.cart import Cart, CartLine
from checkout_daemon.catalog.pricing import PriceChanged, TaxLine
from checkout_daemon.checkout.placing import retry_checkout, start_checkout
from checkout_daemon.checkout.sessions import merge_session
from checkout_daemon.checkout.shopper_view import show_to_shopper
from checkout_daemon.errors import InvalidRequest, ProbablyPlaced
from checkout_daemon.model.address import Address
from checkout_daemon.model.customer import Customer
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.order_lists import OrderView, read_view
from checkout_daemon.orders.shipping import Parcel, ship_order
from checkout_daemon.orders.shipping_store import read_shipping
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from checkout_daemon.stripe_api.sessions import retrieve_session
from checkout_daemon.stripe_sync.recovering import plan_recovery, recover_order
from tests.support.fixtures import KEY
from tests.support.flaky_stripe import FlakyStripe
from tests.support.selling import SELLING
from tests.support.shopping import a_request, count_rows, pay

VIENNA = Address("AT", "Ada", "Ring 1", "", "Wien", "", "1010")
OPERATOR = Operator("ada", "desk")
CARD = {"method": "card", "number": "4242 4242 4242 4242", "expiry": "12/34", "cvc": "123"}
BOB = {"name": "Bob", "line1": "Gasse 3", "city": "Graz", "postal_code": "8010", "country": "AT"}
GRAZ = Address("AT", "Bob", "Gasse 3", "", "Graz", "", "8010")
BY_STRIPE = SELLING.replace('digital = ["EBOOK"]', 'digital = ["EBOOK"]\naddress = "stripe"')


@pytest.fixture
async def runtime(
    request: pytest.FixtureRequest, database_url: str, stripe: FlakyStripe, tmp_path: Path
) -> AsyncIterator[Runtime]:
    (tmp_path / "shop.toml").write_text(getattr(request, "param", SELLING))
    environ = {
        "DATABASE_URL": database_url,
        "STRIPE_API_KEY": KEY,
        "STRIPE_API_BASE": stripe.base,
        "CHECKOUT_SHOP_FILE": str(tmp_path / "shop.toml"),
    }
    async with open_runtime(load_settings(environ, cwd=tmp_path)) as runtime:
        yield runtime


async def placed(runtime: Runtime, **changes: Any) -> tuple[str, dict[str, Any], OrderView]:
    """Place an order to Vienna by post, and return its id, its session at Stripe, and what we have about it."""
    request = a_request(**{"address": VIENNA, "shipping_rate": "post", "locale": "de-AT", "insist": True} | changes)
    answer = await start_checkout(runtime, request, idempotency_key=None)
    session = (await retrieve_session(runtime.gateway, answer.session_id)).object
    return str(answer.order_id), session, await view_of(runtime, str(answer.order_id))


async def view_of(runtime: Runtime, order_id: str) -> OrderView:
    async with runtime.database.connection() as connection:
        view = await read_view(connection, order_id)
    assert view is not None
    return view


async def merged(runtime: Runtime, session_id: str) -> None:
    await merge_session(runtime, await retrieve_session(runtime.gateway, session_id), cause="test", actor="stripe")


async def pay_on_the_page(stripe: FlakyStripe, session_id: str, **typed: str) -> None:
    """Pay a session by card on Stripe's page, which asks for an address."""
    form = CARD | {f"shipping_{name}": value for name, value in typed.items()}
    page = f"{stripe.upstream}/c/pay/{session_id}"
    async with aiohttp.ClientSession() as browser, browser.post(page, data=form, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()


async def parameters(connection: asyncpg.Connection) -> dict[str, Any]:
    """Return the session's parameters of the only order."""
    frozen = await connection.fetchval("SELECT parameters FROM session_attempts ORDER BY attempt DESC LIMIT 1")
    session: dict[str, Any] = msgspec.json.decode(frozen)["session"]
    return session


async def test_shipping_is_a_line_of_the_session_and_taxes_are_part_of_the_total(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id, session, view = await placed(runtime, discount_code="TEN")
    order = view.order
    # Goods 33.99 less 3.40, of which 9.99 less 1.00 at the reduced rate; post 4.90 at the standard rate.
    assert (order.amount_subtotal, order.amount_discount, order.amount_shipping) == (3399, 340, 490)
    assert session["amount_total"] == order.amount_total == 3399 - 340 + 490
    assert view.taxes == (
        TaxLine("standard", Decimal(20), 2160 + 490, 441),
        TaxLine("reduced", Decimal(10), 899, 82),
    )
    assert order.amount_tax == 523  # 441.67 + 81.73 = 523.40, by largest remainder
    assert view.shipping is not None
    assert (view.shipping.label, view.shipping.estimate, view.shipping.address) == ("Post", "2 bis 3 Tage", VIENNA)
    assert sum(item.amount for item in view.items) == order.amount_subtotal  # shipping is no item
    sent = (await parameters(connection))["payment_intent_data"]["shipping"]
    assert sent == {
        "name": "Ada",
        "phone": "+4930901820",
        "address": {"line1": "Ring 1", "city": "Wien", "postal_code": "1010", "country": "AT"},
    }
    assert "shipping_address_collection" not in await parameters(connection)
    shown = await show_to_shopper(runtime, order_id)
    assert (shown.taxes, shown.order.amount_shipping) == (view.taxes, 490)


@pytest.mark.parametrize("runtime", ['phone = "optional"\n' + SELLING], indirect=True)
async def test_a_customer_without_a_phone_number_has_none_at_stripe(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await placed(runtime, customer=Customer("Ada", "ada@example.com", ""))
    assert "phone" not in (await parameters(connection))["payment_intent_data"]["shipping"]


async def test_stripes_page_has_descriptions_as_plain_text(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await connection.execute("UPDATE products SET description = $1", "# Facts\n\n*Soft*, of [Ada](https://ada.example)")
    await placed(runtime)
    lines = (await parameters(connection))["line_items"]
    assert {line["price_data"]["product_data"].get("description") for line in lines[:-1]} == {"Facts\nSoft, of Ada"}
    assert str(await connection.fetchval("SELECT min(description) FROM order_items")).startswith("# Facts")


async def test_free_shipping_has_no_line_but_is_stored(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await connection.execute("UPDATE products SET unit_amount = 2400 WHERE sku = 'NOTE'")
    _, session, view = await placed(runtime)
    assert (view.order.amount_subtotal, view.order.amount_shipping, session["amount_total"]) == (5799, 0, 5799)


async def test_a_shop_of_other_goods_writes_what_it_wrote_before(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    """The ebook needs no address, and its tax is that of the shop's own country."""
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES ('EBOOK', 'E', 1200, 'eur')"
    )
    cart = Cart((CartLine("EBOOK", 1),))
    _, session, view = await placed(runtime, cart=cart, address=None, shipping_rate=None)
    assert (view.shipping, view.order.amount_shipping, view.order.amount_tax) == (None, None, 200)
    assert session["amount_total"] == 1200
    assert await count_rows(connection, "order_shipping") == 0


@pytest.mark.parametrize("runtime", [""], indirect=True)
async def test_a_shop_without_the_tables_is_as_before(runtime: Runtime, connection: asyncpg.Connection) -> None:
    _, _, view = await placed(runtime, address=None, shipping_rate=None)
    assert (view.order.amount_shipping, view.order.amount_tax, view.taxes, view.shipping) == (None, None, (), None)
    assert await count_rows(connection, "order_shipping") == await count_rows(connection, "order_taxes") == 0
    assert "shipping" not in (await parameters(connection))["payment_intent_data"]
    with pytest.raises(InvalidRequest) as caught:
        await placed(runtime)
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/shipping/country", "no_shipping")]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"address": None, "shipping_rate": None}, ("/shipping", "shipping_required")),
        ({"shipping_rate": None}, ("/shipping_rate", "shipping_rate_required")),
        ({"shipping_rate": "far"}, ("/shipping_rate", "unknown_shipping_rate")),
        ({"address": Address("CH", "Ada", "Ring 1")}, ("/shipping/country", "country_not_served")),
    ],
)
async def test_an_order_that_cannot_be_sent_is_refused_and_nothing_is_written(
    runtime: Runtime, connection: asyncpg.Connection, changes: dict[str, Any], fault: tuple[str, str]
) -> None:
    for code in (None, "TEN"):
        with pytest.raises(InvalidRequest) as caught:
            await placed(runtime, discount_code=code, **changes)
        assert [(error.pointer, error.code) for error in caught.value.errors] == [fault]
    assert await count_rows(connection, "orders") == 0


async def test_a_rate_that_became_dearer_is_a_changed_price(runtime: Runtime, connection: asyncpg.Connection) -> None:
    with pytest.raises(PriceChanged) as caught:
        await placed(runtime, expected_total=3399)
    assert (caught.value.quote.amount_total, caught.value.quote.amount_shipping) == (3889, 490)
    assert await count_rows(connection, "orders") == 0


async def test_the_same_cart_to_another_address_or_by_another_rate_is_another_order(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    same = {"address": VIENNA, "shipping_rate": "post", "locale": "de-AT"}
    once = await start_checkout(runtime, a_request(**same), idempotency_key=None)
    again = await start_checkout(runtime, a_request(**same), idempotency_key=None)
    assert (again.created, again.order_id) == (False, once.order_id)
    moved = Address("AT", "Ada", "Ring 2", "", "Wien", "", "1010")
    for change in ({"address": moved}, {"shipping_rate": "express"}):
        other = await start_checkout(runtime, a_request(**same | change), idempotency_key=None)
        assert other.created
    await pay(runtime, once.session_id, once.amount_total)
    await merged(runtime, once.session_id)
    with pytest.raises(ProbablyPlaced):
        await start_checkout(runtime, a_request(**same), idempotency_key=None)


async def test_a_second_attempt_has_the_terms_of_the_first(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id, session, _ = await placed(runtime)
    before = await parameters(connection)
    await runtime.gateway.request("checkout.sessions.expire", session["id"])
    await merged(runtime, session["id"])
    answer = await retry_checkout(runtime, order_id)
    after = await parameters(connection)
    assert answer.session_id != session["id"]
    assert after["line_items"] == before["line_items"]
    assert after["payment_intent_data"]["shipping"] == before["payment_intent_data"]["shipping"]


@pytest.mark.parametrize("runtime", [BY_STRIPE], indirect=True)
async def test_stripes_page_asks_for_the_address_in_the_country_that_was_priced(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    order_id, session, view = await placed(runtime, address=Address("AT"))
    assert (await parameters(connection))["shipping_address_collection"] == {"allowed_countries": ["AT"]}
    assert view.shipping is not None
    assert not view.shipping.address.is_known
    await pay_on_the_page(stripe, session["id"], **BOB)
    await merged(runtime, session["id"])
    await merged(runtime, session["id"])
    after = await view_of(runtime, order_id)
    assert after.order.status == "completed"
    assert after.shipping is not None
    assert after.shipping.address == GRAZ
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=OPERATOR)
    await merged(runtime, session["id"])  # Stripe still knows it: we do not want to
    erased = (await read_shipping(connection, [order_id]))[order_id]
    assert erased.address == Address("AT")


async def test_an_erased_customer_has_no_address_anywhere(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id, session, _ = await placed(runtime)
    await pay(runtime, session["id"], session["amount_total"])
    await merged(runtime, session["id"])
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=OPERATOR)
    view = await view_of(runtime, order_id)
    assert view.shipping is not None
    assert view.shipping.address == Address("AT")
    assert (view.order.amount_shipping, view.order.amount_tax) == (490, 572)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    for (table,) in tables:
        rows = await connection.fetchval(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")
        assert "Ring 1" not in (rows or ""), table


async def test_a_lost_order_is_recovered_with_shipping_and_address(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id, session, before = await placed(runtime, discount_code="TEN")
    await pay(runtime, session["id"], session["amount_total"])
    await connection.execute("DELETE FROM orders")
    plan = await plan_recovery(runtime, session["id"])
    recovered = await recover_order(runtime, plan, operator=OPERATOR)
    after = await view_of(runtime, order_id)
    assert (recovered.recovered, recovered.order.status) == (True, "completed")
    assert (after.order.amount_total, after.order.amount_shipping) == (before.order.amount_total, 490)
    assert (after.order.amount_discount, after.items) == (before.order.amount_discount, before.items)
    assert (after.order.amount_tax, after.taxes) == (523, before.taxes)
    assert after.order.customer_phone == before.order.customer_phone
    assert after.shipping is not None
    assert (after.shipping.rate, after.shipping.label, after.shipping.address) == ("post", "Post", VIENNA)


@pytest.mark.parametrize(("rate", "label"), [("post", "Post"), (None, "")])  # None: a session of an older release
async def test_a_lost_order_with_free_shipping_is_recovered_with_its_address_and_can_be_shipped(
    runtime: Runtime, connection: asyncpg.Connection, rate: str | None, label: str
) -> None:
    await connection.execute("UPDATE products SET unit_amount = 2400 WHERE sku = 'NOTE'")
    order_id, session, before = await placed(runtime)
    await pay(runtime, session["id"], session["amount_total"])
    await connection.execute("DELETE FROM orders")
    plan = await plan_recovery(runtime, session["id"])
    assert plan.named.shipping_rate == "post"
    plan = replace(plan, named=replace(plan.named, shipping_rate=rate))
    await recover_order(runtime, plan, operator=OPERATOR)
    after = await view_of(runtime, order_id)
    assert (after.order.amount_total, after.order.amount_shipping) == (5799, 0)
    assert (after.order.amount_tax, after.taxes) == (before.order.amount_tax, before.taxes)
    assert after.shipping is not None
    assert (after.shipping.rate, after.shipping.label, after.shipping.address) == (rate or "", label, VIENNA)
    assert (await ship_order(runtime.database, order_id, Parcel("Post"), operator=OPERATOR)).changed


@pytest.mark.parametrize("runtime", [BY_STRIPE], indirect=True)
async def test_a_lost_order_with_free_shipping_is_recovered_with_the_address_from_stripes_page(
    runtime: Runtime, stripe: FlakyStripe, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE products SET unit_amount = 2400 WHERE sku = 'NOTE'")
    order_id, session, _ = await placed(runtime, address=Address("AT"))
    await pay_on_the_page(stripe, session["id"], **BOB)
    await connection.execute("DELETE FROM orders")
    await recover_order(runtime, await plan_recovery(runtime, session["id"]), operator=OPERATOR)
    after = await view_of(runtime, order_id)
    assert (after.order.status, after.order.amount_shipping) == ("completed", 0)
    assert after.shipping is not None
    assert (after.shipping.rate, after.shipping.address) == ("post", GRAZ)


async def test_a_lost_order_of_goods_that_nobody_sends_is_recovered_with_its_taxes(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES ('EBOOK', 'E', 1200, 'eur')"
    )
    cart = Cart((CartLine("EBOOK", 1),))
    order_id, session, before = await placed(runtime, cart=cart, address=None, shipping_rate=None)
    await pay(runtime, session["id"], session["amount_total"])
    await connection.execute("DELETE FROM orders")
    await recover_order(runtime, await plan_recovery(runtime, session["id"]), operator=OPERATOR)
    after = await view_of(runtime, order_id)
    assert (after.shipping, after.order.amount_shipping) == (None, None)
    assert (after.order.amount_tax, after.taxes) == (200, before.taxes)


@pytest.mark.parametrize("runtime", [BY_STRIPE], indirect=True)
async def test_of_two_addresses_the_same_one_stays_in_any_sequence(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    ends = []
    for sequence in (("cs_1", "cs_2"), ("cs_2", "cs_1"), ("cs_2", "cs_1", "cs_2")):
        order_id, _, _ = await placed(runtime, address=Address("AT"))
        for session_id in sequence:
            await deliver(runtime, order_id, session_id)
        view = await view_of(runtime, order_id)
        assert view.shipping is not None
        ends.append(view.shipping.address.line1)
    assert ends == [f"cs_2{'x' * 4}"] * 3


async def deliver(runtime: Runtime, order_id: str, session_id: str) -> None:
    """Merge a session whose page has collected an address that names it."""
    from datetime import UTC, datetime

    from checkout_daemon.stripe_api.client import Fetched
    from tests.support.stripe_events import session_object

    unique = f"{session_id}{order_id.replace('-', '')}"
    details = {"name": "Bob", "address": {"line1": f"{session_id}xxxx", "country": "AT"}}
    session = session_object(order_id, unique, None, status="open", payment_status="unpaid", shipping_details=details)
    await merge_session(runtime, Fetched(session, datetime.now(UTC)), cause="test", actor="stripe")
