"""Lists of orders and events: filters, sequence, pages; and one order with everything about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.database.migrations import all_migrations
from checkout_daemon.database.pool import Database
from checkout_daemon.events.event_lists import EventFilter, all_events
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.model.text import search_form
from checkout_daemon.orders import order_search
from checkout_daemon.orders.lookup import add_search
from checkout_daemon.orders.order_filter import Extent, OrderCursor, OrderFilter
from checkout_daemon.orders.order_ids import new_order_id
from checkout_daemon.orders.order_pages import all_orders, page_of_orders, show_order
from tests.support.orders import NOW, add_order
from tests.support.stripe_events import SECRET, deliver, event_body, refund_object, session_object

HOUR = timedelta(hours=1)


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


@asynccontextmanager
async def receiving(database: Database) -> AsyncIterator[Intake]:
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    yield intake
    await intake.close()


async def numbers(database: Database, wanted: OrderFilter, limit: int = 50) -> list[int]:
    return [order.number async for page in all_orders(database, wanted, limit=limit) for order in page]


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> None:
    """Add the orders 1001 to 1005, the last one newest."""
    await add_order(connection, ago=5 * HOUR, status="completed", customer_email="Bo@example.com", customer_name="Bo")
    await add_order(connection, ago=4 * HOUR, status="failed")
    await add_order(connection, ago=3 * HOUR, status="completed", attention=["paid_twice"])
    await add_order(connection, ago=2 * HOUR, status="expired", id="aaaa0000-0000-4000-8000-000000000000")
    await add_order(connection, ago=1 * HOUR)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (OrderFilter(), [1005, 1004, 1003, 1002, 1001]),
        (OrderFilter(statuses=("completed",)), [1003, 1001]),
        (OrderFilter(statuses=("expired", "failed", "expired")), [1004, 1002]),
        (OrderFilter(statuses=("disputed",)), []),
        (OrderFilter(email="bo@EXAMPLE.com"), [1001]),
        (OrderFilter(attention=True), [1003]),
        (OrderFilter(attention=True, statuses=("failed",)), []),
        (OrderFilter(since=NOW - 2 * HOUR), [1005, 1004]),
        (OrderFilter(until=NOW - 2 * HOUR), [1003, 1002, 1001]),
        (OrderFilter(since=NOW - 4 * HOUR, until=NOW - 2 * HOUR, statuses=("completed", "failed")), [1003, 1002]),
        (OrderFilter(email="ada@example.com", statuses=("completed",)), [1003]),
    ],
)
async def test_filters_alone_and_together(database: Database, wanted: OrderFilter, found: list[int]) -> None:
    assert await numbers(database, wanted) == found


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1003", [1003]),
        ("aaaa", [1004]),
        ("LOVELACE", [1005, 1004, 1003, 1002]),
        ("bo@ex", [1001]),
        ("100%", []),
        ("cs_test_none", []),
        ("aaaa0000-0000-4000-8000-000000000000", [1004]),
    ],
)
async def test_a_search_covers_numbers_ids_names_and_emails(database: Database, text: str, found: list[int]) -> None:
    assert await numbers(database, await add_search(database, OrderFilter(), text)) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        *(
            (typed, "José García")
            for typed in ("José", "Jose\u0301", "jose", "JOSÉ", "garcia", "Ｇarcía", "garcía jos", "\u200bJosé")
        ),
        *((typed, "Łukasz Ångström") for typed in ("lukasz", "ŁUKASZ", "angstrom", "A\u030angström", "Łukasz\u00a0Å")),
        *((typed, "Groß, Vigdís Þór") for typed in ("gross", "GROẞ", "vigdis", "þór", "thor")),
        *((typed, "Νίκος") for typed in ("νικος", "ΝΊΚΟΣ")),
        *((typed, "Việt Ệm") for typed in ("viet", "em", "ệm", "ệt")),
    ],
)
async def test_a_search_ignores_case_accents_and_characters_from_pasting(
    database: Database, typed: str, found: str
) -> None:
    async with database.connection() as connection:
        for name in ("José García", "Łukasz Ångström", "Groß, Vigdís Þór", "Νίκος", "Việt Ệm", "Bo"):
            await add_order(connection, customer_name=name, customer_email="x@y.test")
    wanted = await add_search(database, OrderFilter(), typed)
    (order,) = await page_of_orders(database, wanted, limit=10)
    assert order.customer_name == found
    assert wanted.fits(order)  # the terminal decides the same for orders that change


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("text", ["bo", "bo@example"])
async def test_a_search_that_leaves_out_older_orders_says_so(
    database: Database, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = await add_search(database, OrderFilter(), text)
    whole = Extent()
    assert [order.number for order in await page_of_orders(database, wanted, limit=2, extent=whole)] == [1001]
    assert whole.whole

    for limit, low in (("_TRIED", 2), ("_MOST_LOOKED_AT", 2), ("_SMALL_SHOP", -1), ("_MOST_ENTRIES", -1)):
        monkeypatch.setattr(order_search, limit, low)
    part = Extent()
    assert await page_of_orders(database, wanted, limit=2, extent=part) == []
    assert not part.whole
    named = await add_search(database, OrderFilter(), "1001")
    assert [order.number for order in await page_of_orders(database, named, limit=2)] == [1001]


async def test_a_search_finds_what_the_release_before_sold_during_the_upgrade(
    database: Database, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ids are all random, although the migration was applied."""
    await connection.execute("UPDATE schema_migrations SET applied_at = $1", NOW - 45 * HOUR)
    await add_order(connection, ago=100 * HOUR)
    other = "0" if new_order_id(NOW)[0] not in "0f" else "8"
    await add_order(connection, ago=40 * HOUR, id=f"{other}0000000-0000-4000-8000-000000000000", customer_name="Bo Ek")
    for _ in range(2):
        await add_order(connection)
    for limit, low in (("_TRIED", 2), ("_MOST_LOOKED_AT", 2), ("_SMALL_SHOP", -1)):
        monkeypatch.setattr(order_search, limit, low)
    wanted = await add_search(database, OrderFilter(since=NOW - 42 * HOUR), "Bo Ek")
    assert [order.number for order in await page_of_orders(database, wanted, limit=2)] == [1002]


async def test_a_search_looks_for_a_domain_as_it_is_stored(database: Database) -> None:
    async with database.connection() as connection:
        await add_order(connection, customer_email="ada@xn--bcher-kva.example")
    wanted = await add_search(database, OrderFilter(), "ada@Bücher.example")
    assert len(await page_of_orders(database, wanted, limit=10)) == 1


async def test_python_and_the_schema_fold_alike(connection: asyncpg.Connection) -> None:
    letters = [chr(code) for block in ((0x20, 0x250), (0x370, 0x530), (0x1E00, 0x1F00)) for code in range(*block)]
    folded = await connection.fetchval(
        "SELECT array(SELECT search_form(letter) FROM unnest($1::text[]) letter)", letters
    )
    assert dict(zip(letters, folded, strict=True)) == {letter: search_form(letter) for letter in letters}


async def test_texts_from_before_are_folded_by_the_migration(connection: asyncpg.Connection) -> None:
    ids = [await add_order(connection, customer_name=name) for name in ("José", "Ada", "ß")]
    await connection.execute(
        "UPDATE order_texts SET text = 'josé' || chr(10) || 'a@example.com' WHERE order_id = $1", ids[0]
    )
    # The index that searches had at the time.
    await connection.execute("CREATE INDEX order_texts_trigrams ON order_texts USING gin (trigrams(text))")
    (backfill,) = [found.backfill for found in all_migrations() if found.name == "search_form" and found.backfill]
    position: str | None = ""
    while (position := await connection.fetchval(backfill, position, 2)) is not None:
        pass
    assert (
        await connection.fetchval("SELECT text FROM order_texts WHERE order_id = $1", ids[0]) == "jose\na@example.com"
    )


@pytest.mark.usefixtures("shop")
async def test_a_search_respects_the_other_filters(database: Database) -> None:
    failed = await add_search(database, OrderFilter(statuses=("failed",)), "lovelace")
    of_bo = await add_search(database, OrderFilter(email="bo@example.com"), "1003")
    assert (await numbers(database, failed), await numbers(database, of_bo)) == ([1002], [])


async def test_a_search_finds_the_ids_of_sessions_and_payments(
    database: Database, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await add_order(connection)
    async with receiving(database) as intake:
        await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_test_1", "pi_1")))
    for stripe_id in ("cs_test_1", "pi_1"):
        assert await numbers(database, await add_search(database, OrderFilter(), stripe_id)) == [1001]


@pytest.mark.parametrize("statuses", [(), ("pending",), ("pending", "completed")])
async def test_pages_join_without_a_gap_even_within_one_moment(
    database: Database, connection: asyncpg.Connection, statuses: tuple[str, ...]
) -> None:
    for index in range(10):
        await add_order(connection, ago=HOUR * (index // 5))
    wanted = OrderFilter(statuses=statuses)
    whole = await page_of_orders(database, wanted, limit=50)
    joined = []
    cursor = None
    while page := await page_of_orders(database, wanted, limit=3, cursor=cursor):
        joined += page
        cursor = OrderCursor.after(page[-1])
    assert [order.number for order in joined] == [order.number for order in whole]
    assert len(whole) == 10


async def test_until_bounds_the_first_page_and_the_next_ones_too(
    database: Database, connection: asyncpg.Connection
) -> None:
    for index in range(6):
        await add_order(connection, ago=HOUR * index)
    wanted = OrderFilter(until=NOW - HOUR)
    first = await page_of_orders(database, wanted, limit=2)
    second = await page_of_orders(database, wanted, limit=2, cursor=OrderCursor.after(first[-1]))
    from_above = await page_of_orders(database, wanted, limit=2, cursor=OrderCursor(datetime.now(UTC), 10**9))
    assert [order.number for order in first + second] == [1003, 1004, 1005, 1006]
    assert from_above == first


async def test_a_long_list_is_read_in_pages(database: Database, connection: asyncpg.Connection) -> None:
    await connection.execute(
        "INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name,"
        " customer_email, customer_phone, livemode)"
        " SELECT gen_random_uuid(), 'eur', 1, 0, 1, 'N', 'n@example.com', '+1', false"
        " FROM generate_series(1, 1203)"
    )
    assert len(await numbers(database, OrderFilter(), limit=5000)) == 1203
    assert len(set(await numbers(database, OrderFilter(), limit=1100))) == 1100


async def test_an_order_is_shown_with_everything_about_it(database: Database, connection: asyncpg.Connection) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await connection.execute(
        "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
        " VALUES ($1, 1, 'NOTE', 'Notebook', 2500, 2, 5000, 0)",
        order_id,
    )
    dispute = {
        "id": "dp_1",
        "object": "dispute",
        "payment_intent": "pi_1",
        "charge": "ch_1",
        "status": "needs_response",
    }
    terms = {"amount": 5000, "currency": "eur", "reason": "fraudulent", "evidence_details": {"due_by": 1790000000}}
    async with receiving(database) as intake:
        await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_test_1", "pi_1")))
        await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 100)))
        await deliver(intake, event_body("charge.dispute.created", dispute | terms))

    view = await show_order(database, order_id)

    assert (view.order.number, view.order.status, view.order.attention) == (
        1001,
        "disputed",
        ("dispute_needs_response",),
    )
    assert [(item.sku, item.quantity, item.amount) for item in view.items] == [("NOTE", 2, 5000)]
    assert [(session.id, session.status, session.payment_status) for session in view.sessions] == [
        ("cs_test_1", "complete", "paid")
    ]
    (payment,) = view.payments
    assert (payment.id, payment.session_id, payment.amount, payment.valid) == ("pi_1", "cs_test_1", 5000, True)
    assert [(refund.id, refund.payment_id, refund.amount, refund.status) for refund in view.refunds] == [
        ("re_1", "pi_1", 100, "succeeded")
    ]
    assert [(found.id, found.status, found.due_by) for found in view.disputes] == [
        ("dp_1", "needs_response", datetime.fromtimestamp(1790000000, UTC))
    ]
    assert [event.type for event in view.events] == [
        "checkout.session.completed",
        "refund.created",
        "charge.dispute.created",
    ]
    assert [change.to_status for change in view.changes] == ["completed", "partially_refunded", "disputed"]


async def test_times_are_utc_whatever_the_time_zone_of_the_database(
    database_url: str, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, paid_at=NOW)
    name = database_url.rpartition("/")[2]
    await connection.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    database = Database(database_url, max_size=1)
    view = await show_order(database, order_id)
    await database.close()
    assert (view.order.paid_at, view.order.paid_at and view.order.paid_at.tzinfo) == (NOW, UTC)


async def test_a_payment_of_another_amount_is_shown_and_not_valid(
    database: Database, connection: asyncpg.Connection
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    other = session_object(order_id, "cs_test_1", "pi_1", amount_total=1)
    async with receiving(database) as intake:
        await deliver(intake, event_body("checkout.session.completed", other))
    view = await show_order(database, "pi_1")
    assert [(payment.amount, payment.valid) for payment in view.payments] == [(1, False)]
    assert view.order.attention == ("amount_mismatch",)


@pytest.fixture
async def inbox(connection: asyncpg.Connection) -> str:
    """Add six events, the last one newest; the second and fourth are about the order, whose id is returned."""
    order_id = await add_order(connection)
    rows = [
        ("evt_1", "charge.succeeded", "applied", None),
        ("evt_2", "charge.refunded", "applied", order_id),
        ("evt_3", "charge.succeeded", "ignored", None),
        ("evt_4", "charge.succeeded", "failed", order_id),
        ("evt_5", "charge.refunded", "dead", None),
        ("evt_6", "refund.created", "applied", None),
    ]
    for index, (event_id, event_type, status, of_order) in enumerate(rows):
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, order_id, reason, received_at, body_hash)"
            " VALUES ($1, $2, $3, $4, $5, $6, '')",
            event_id,
            event_type,
            status,
            of_order,
            "no_order" if status == "ignored" else None,
            NOW - HOUR * (6 - index),
        )
    return order_id


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EventFilter(), "654321"),
        (EventFilter(statuses=("dead", "failed")), "54"),
        (EventFilter(statuses=("ignored", "failed")), "43"),
        (EventFilter(types=("charge.succeeded",)), "431"),
        (EventFilter(types=("charge.refunded", "refund.created"), statuses=("applied",)), "62"),
        (EventFilter(since=NOW - 3 * HOUR), "654"),
        (EventFilter(types=("none",)), ""),
    ],
)
@pytest.mark.usefixtures("inbox")
async def test_events_by_status_type_and_time(database: Database, wanted: EventFilter, found: str) -> None:
    events = [event.id async for page in all_events(database, wanted, limit=50) for event in page]
    assert "".join(event_id.removeprefix("evt_") for event_id in events) == found


async def test_events_of_an_order(database: Database, inbox: str) -> None:
    wanted = EventFilter(order_id=inbox)
    assert [event.id async for page in all_events(database, wanted, limit=50) for event in page] == ["evt_4", "evt_2"]
