"""An order is found by anything that an operator may know, and never a wrong one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import AmbiguousOrder, NotFound
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders import order_search
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.lookup import add_search, find_order, read_filter
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_pages import page_of_orders
from tests.support.orders import NOW, add_order, number_of
from tests.support.stripe_events import CREATED, SECRET, deliver, event_body, refund_object, session_object

ID = "5f3a0c11-1111-4111-8111-111111111111"
TWIN = "5f3a0c22-2222-4222-8222-222222222222"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, max_size=4)
    yield database
    await database.close()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def intake(database: Database) -> AsyncIterator[Intake]:
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    yield intake
    await intake.close()


async def named(database: Database, text: str) -> tuple[str, ...]:
    """Return the ids that the only word of a search names."""
    (condition,) = (await add_search(database, OrderFilter(), text)).conditions
    assert condition.word is not None
    return condition.word.ids


async def test_by_the_address_that_the_payer_gave_on_stripes_page(
    database: Database, connection: asyncpg.Connection, intake: Intake, database_url: str
) -> None:
    order_id, other = [
        await add_order(connection, customer_email=email, amount_subtotal=5000, amount_discount=0, amount_total=5000)
        for email in ("ada@example.com", "bo@example.com")
    ]
    for paid_id, email in ((order_id, "Ada.Private@example.net"), (other, "xada.private@example.net")):
        session = session_object(paid_id, f"cs_{paid_id[:8]}", f"pi_{paid_id[:8]}", customer_details={"email": email})
        await deliver(intake, event_body("checkout.session.completed", session))
    assert (await find_order(database, "ada.private@example.net")).id == order_id
    assert await named(database, " ADA.private@example.net") == (order_id,)
    assert await named(database, "ada.private@") == ()
    assert await named(database, "bo@example.com") == (other,)
    assert (await find_order(database, "ada@example.com")).id == order_id

    await erase(database, await plan_erasure(database, order_id, customer=False), operator=Operator("ana", "vm"))
    with pytest.raises(NotFound):
        await find_order(database, "ada.private@example.net")


async def test_by_number_with_or_without_its_sign(database: Database, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection)
    number = await number_of(connection, order_id)
    assert (await find_order(database, str(number))).id == order_id
    assert (await find_order(database, f" #{number} ")).id == order_id


@pytest.mark.parametrize(
    "text",
    [
        "\u200bada@example.com\ufeff",
        "\u202aADA@example.com\u202c",
        "ada＠example．com",
        "\u00a0ada@example.com\n",
        "5f3a0c11\u20111111\u00ad",
        "\u200e５ｆ３ａ０ｃ１１",
    ],
)
async def test_without_characters_from_pasting(database: Database, connection: asyncpg.Connection, text: str) -> None:
    await add_order(connection, id=ID, customer_email="ada@example.com")
    assert (await find_order(database, text)).id == ID


async def test_by_an_email_whose_domain_is_not_ascii(database: Database, connection: asyncpg.Connection) -> None:
    await add_order(connection, id=ID, customer_email="ada@xn--bcher-kva.example")
    assert (await find_order(database, "ada@bücher.example")).id == ID
    assert (await find_order(database, "Ada@XN--bcher-kva.example")).id == ID


@pytest.mark.parametrize("text", [ID, ID.upper(), ID.replace("-", ""), "5f3a0c11", "5F3A0C11-1", "5f3a0c11-1111-"])
async def test_by_its_id_or_its_first_digits(database: Database, connection: asyncpg.Connection, text: str) -> None:
    await add_order(connection, id=ID)
    await add_order(connection, id=TWIN)
    assert (await find_order(database, text)).id == ID


async def test_first_digits_of_two_ids_list_both(database: Database, connection: asyncpg.Connection) -> None:
    await add_order(connection, id=ID, status="completed", ago=timedelta(hours=1))
    await add_order(connection, id=TWIN, amount_subtotal=99, amount_total=99)
    with pytest.raises(AmbiguousOrder) as refused:
        await find_order(database, "5f3a")
    first, newer, older = refused.value.detail.splitlines()
    assert first.endswith("give the number of the one you mean:")
    assert newer.split()[:3] == ["1002", "pending", "€0.99"]
    assert older.split()[:3] == ["1001", "completed", "€12.50"]
    assert newer.endswith("UTC")


async def test_a_number_wins_over_the_first_digits_of_an_id(database: Database, connection: asyncpg.Connection) -> None:
    numbered = await add_order(connection)  # 1001
    await add_order(connection, id="10010000-0000-4000-8000-000000000000")
    assert (await find_order(database, "1001")).id == numbered
    assert (await find_order(database, "100100")).id == "10010000-0000-4000-8000-000000000000"


async def test_by_email_whatever_its_case(database: Database, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection, customer_email="Ada@Example.com")
    assert (await find_order(database, "aDA@example.COM")).id == order_id


async def test_the_newest_orders_of_a_customer_with_many_are_listed(
    database: Database, connection: asyncpg.Connection
) -> None:
    for hours in range(25):
        await add_order(connection, ago=timedelta(hours=hours))
    with pytest.raises(AmbiguousOrder) as refused:
        await find_order(database, "ada@example.com")
    lines = refused.value.detail.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [*map(str, range(1001, 1021)), "…"]


async def test_by_the_ids_of_its_objects_at_stripe(
    database: Database, connection: asyncpg.Connection, intake: Intake
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_test_1", "pi_1")))
    charge = {
        "id": "ch_1",
        "object": "charge",
        "payment_intent": "pi_1",
        "amount": 5000,
        "currency": "eur",
        "livemode": False,
    }
    await deliver(intake, event_body("charge.succeeded", charge | {"status": "succeeded", "paid": True}))
    await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 100), event_id="evt_refund"))
    warning = {
        "id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1", "payment_intent": "pi_1",
        "actionable": True, "fraud_type": "misc", "created": CREATED, "livemode": False,
    }  # fmt: skip
    await deliver(intake, event_body("radar.early_fraud_warning.created", warning))
    await add_order(connection)
    found = [
        (await find_order(database, stripe_id)).id
        for stripe_id in ("cs_test_1", "pi_1", "ch_1", "re_1", "issfr_1", "evt_refund")
    ]
    assert found == [order_id] * 6


async def test_by_a_charge_that_arrived_before_its_payment_was_known(
    database: Database, connection: asyncpg.Connection, intake: Intake
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    charge = {
        "id": "py_1",
        "object": "charge",
        "payment_intent": "pi_1",
        "amount": 5000,
        "currency": "eur",
        "livemode": False,
    }
    await deliver(intake, event_body("charge.succeeded", charge | {"status": "succeeded", "paid": True}))
    with pytest.raises(NotFound):
        await find_order(database, "py_1")
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_test_1", "pi_1")))
    assert (await find_order(database, "py_1")).id == order_id


async def test_by_a_session_that_was_declined(
    database: Database, connection: asyncpg.Connection, intake: Intake
) -> None:
    """No payment exists yet; its intent is known from the session alone."""
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    unpaid = session_object(order_id, "cs_test_1", "pi_1", payment_status="unpaid")
    await deliver(intake, event_body("checkout.session.completed", unpaid))
    assert (await find_order(database, "pi_1")).id == order_id


@pytest.mark.parametrize(
    "text",
    [
        "9999",
        "99999999999999999999",
        "cs_test_none",
        "none@example.com",
        "ffff",
        "rubbish",
        "",
        "%",
        "pi_",
        "' OR 1",
        "-",
        "#",
    ],
)
async def test_other_texts_are_not_found(database: Database, connection: asyncpg.Connection, text: str) -> None:
    await add_order(connection, id=ID)
    with pytest.raises(NotFound):
        await find_order(database, text)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        *((typed, ["ada@xn--mller-kva.de"]) for typed in ("müller.de", "@MÜLLER.de", "@müller", "da@Müller.de")),
        *(
            (f"email:{value}", ["ada@xn--mller-kva.de"])
            for value in ("@müller.de", "*@müller.de", "a*@Müller.*", "müller.d")
        ),
        ("Dr.Müller", ["bo@example.com"]),
        ("müller.example", []),
        ("-müller.de", ["bo@example.com"]),
    ],
)
async def test_a_search_finds_part_of_an_address_whose_domain_is_not_ascii(
    database: Database, typed: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.connection() as connection:
        await add_order(connection, customer_email="ada@xn--mller-kva.de")
        await add_order(connection, customer_email="bo@example.com", customer_name="Dr.Müller")
    wanted = await read_filter(database, typed, time_zone="UTC", now=NOW)
    assert await emails(database, wanted, limit=10) == found
    for limit, low in (("_TRIED", 1), ("_MOST_LOOKED_AT", 1), ("_SMALL_SHOP", -1)):
        monkeypatch.setattr(order_search, limit, low)
    assert await emails(database, wanted, limit=1) == found  # by the index of texts


async def emails(database: Database, wanted: OrderFilter, limit: int) -> list[str]:
    """Return the emails of the orders in a list, which are those that the terminal's own rule finds."""
    everything = await page_of_orders(database, OrderFilter(), limit=10)
    listed = [order.customer_email for order in await page_of_orders(database, wanted, limit=limit)]
    assert [order.customer_email for order in everything if wanted.fits(order)] == listed
    return listed


AUSTRIAN, AMERICAN, ITALIAN = "+436641234567", "+14155552671", "+390654321098"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        *(
            (typed, [AUSTRIAN])
            for typed in (
                *("+43 (0)664 1234567", "+43(0)6641234567", "0043 (0) 664/1234567", "(+43) 664 123 45 67"),
                *("0664 / 123 45 67", "0664 - 1234567", "0664/ 123-45-67", "(0664) 1234567", "0664–1234567"),
                *("0664 – 123 45 67", "+43\u00a0664\u20111234567", "\u202a+43 664 1234567\u202c"),
            )
        ),
        *((typed, [AMERICAN]) for typed in ("(415) 555-2671", "+1 (415) 555-2671", "415-555-2671")),
        *((typed, [ITALIAN]) for typed in ("+39 (0)654 321098", "+39 0654 321098", "(0654) 321098")),
    ],
)
async def test_a_phone_number_finds_its_order_however_it_is_written(
    database: Database, typed: str, found: list[str]
) -> None:
    async with database.connection() as connection:
        for phone in (AUSTRIAN, AMERICAN, ITALIAN):
            await add_order(connection, customer_phone=phone)
    everything = await page_of_orders(database, OrderFilter(), limit=10)
    for wanted in (
        await add_search(database, OrderFilter(), typed),
        await read_filter(database, typed, time_zone="UTC", now=NOW),
        await read_filter(database, f"phone:{typed}", time_zone="UTC", now=NOW),
        await read_filter(database, f'phone:"{typed}"', time_zone="UTC", now=NOW),
    ):
        listed = [order.customer_phone for order in await page_of_orders(database, wanted, limit=10)]
        assert listed == found
        assert [order.customer_phone for order in everything if wanted.fits(order)] == listed
