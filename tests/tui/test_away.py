"""While the database, or a free connection, is away, no key ends the terminal: what failed is shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from checkout_daemon.audit.operators import Operator
from checkout_daemon.batches.planning import plan_orders, start_batch
from checkout_daemon.batches.records import BatchAct, BatchOptions
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.flaky_stripe import FlakyStripe
from tests.support.orders import add_order
from tests.support.payments import paid
from tests.support.shopping import check_out
from tests.tui.conftest import Seat, Sit
from tui.context import Navigation
from tui.filters import Choice
from tui.order_facts import OrderDetails
from tui.screens.base import BaseScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.events import EventsScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.typeahead import ACTING, READING

WHY = "no connection was free in time"
LEAVING = {"back", "dismiss", "quit", "unmark", "neighbour"}
"""The actions that leave a screen, or what is marked there: they read nothing."""
_MOST_BOXES = 3  # that ask one after the other


@dataclass
class Outage:
    """While it lasts, no connection to the database is free."""

    lasts: bool = False


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    found, borrow = Outage(), Database.connection

    @asynccontextmanager
    async def connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
        if found.lasts:
            raise DatabaseUnavailable(WHY)
        async with borrow(database) as opened:
            yield opened

    monkeypatch.setattr(Database, "connection", connection)
    return found


@dataclass(frozen=True, slots=True)
class Shop:
    """What the screens are about, by id."""

    unpaid: str
    bought: str
    message: str


@pytest.fixture
async def shop(runtime: Runtime, connection: asyncpg.Connection, stocked: None) -> Shop:
    """An unpaid, a paid and a disputed order; events and messages that are dead; a batch and a proposal."""
    unpaid = str((await check_out(runtime)).order_id)
    bought, disputed = [await add_order(connection, amount_subtotal=5000, amount_total=5000) for _ in range(2)]
    now = datetime.now(UTC)
    asked, due = DisputeStatus.NEEDS_RESPONSE, now + timedelta(days=9)
    fact = DisputeFact("dp_1", False, "pi_2", asked, due, 5000, "eur", "fraudulent", now, "evt_d")
    for update in (
        paid(bought, "pi_1"),
        paid(disputed, "pi_2"),
        Update("charge.dispute.created", "stripe", subject_id="pi_2", facts=[fact]),
    ):
        await runtime.database.run(merge, [update])
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash, order_id) VALUES"
        " ('evt_1', 'charge.refunded', 'dead', 'KeyError: amount', now(), '', $1),"
        " ('evt_2', 'charge.refunded', 'dead', 'KeyError: amount', now(), '', $1)",
        bought,
    )
    messages = await connection.fetch(
        "INSERT INTO outbox (order_id, kind, channel, status, last_error) VALUES"
        " ($1, 'order.shipped', 'webhook', 'dead', 'the receiver answered 500'),"
        " ($1, 'payment.failed', 'webhook', 'dead', 'the receiver answered 500') RETURNING id::text",
        bought,
    )
    order = (await show_order(runtime.database, unpaid)).order
    plan = await plan_orders(runtime, BatchAct.NOTE, [(order, None)], BatchOptions())
    await start_batch(runtime, plan, operator=Operator("bo", "desk"), note="called")
    await connection.execute(
        "INSERT INTO proposals (id, act, order_id, note, state, proposed_by, host, expires_at)"
        " VALUES (gen_random_uuid(), 'cancel', $1, 'ordered twice', '', 'bo', 'desk', now() + interval '1 day')",
        unpaid,
    )
    return Shop(unpaid, bought, messages[0]["id"])


SCREENS: dict[str, Callable[[Navigation, Shop], None]] = {
    "orders": lambda go, _: go.orders(Choice()),
    "unpaid order": lambda go, shop: go.order(shop.unpaid),
    "paid order": lambda go, shop: go.order(shop.bought),
    "events": lambda go, _: go.events(),
    "event": lambda go, _: go.event("evt_1"),
    "dead letters": lambda go, _: go.dead_letters(),
    "message": lambda go, shop: go.message(shop.message),
    "todo": lambda go, _: go.todo(),
    "batch": lambda go, _: go.batch(1),
    "batches": lambda go, _: go.batches(),
    "stock": lambda go, _: go.stock(),
    "proposals": lambda go, _: go.proposals(),
    "disputes": lambda go, _: go.disputes(),
    "dispute": lambda go, _: go.dispute("dp_1"),
    "trigger": lambda go, _: go.trigger(1001),
    "health": lambda go, _: go.health(),
    "money": lambda go, _: go.money(),
}


def keys_of(screen: BaseScreen) -> list[str]:
    """Return the keys of a screen that may read something. Those of every screen are pressed on the first one."""
    actions = screen.actions() if isinstance(screen, OrdersScreen) else screen.ACTIONS
    return [action.key for action in actions if action.name.partition("(")[0] not in LEAVING]


def is_settled(seat: Seat) -> bool:
    """Whether every key was handled, and nothing is read or done but what waits for a box to be answered."""
    app, typing = seat.app, seat.app._typing
    boxed = isinstance(app.screen, ModalScreen)
    busy = any(
        not worker.is_finished and worker.group in (ACTING, READING) and (worker.node is app.screen or not boxed)
        for worker in app.workers
    )
    on_its_way = typing._on_its_way is not None and typing._on_its_way[0] is app.screen
    return app.screen.is_mounted and not (busy or on_its_way or typing._held or typing._letting_go)


async def settle(seat: Seat) -> None:
    await seat.until(partial(is_settled, seat))


def has_left(seat: Seat, screen: Screen[Any]) -> bool:
    return seat.app.screen is not screen


async def press_and_answer(seat: Seat, key: str) -> None:
    """Press a key, answer the boxes that it opens, and come back to the screen."""
    screen = seat.app.screen
    await seat.press(key)
    await settle(seat)
    for _ in range(_MOST_BOXES):
        if isinstance(seat.app.screen, ModalScreen):
            await seat.press("end", "enter")  # the last answer is the one that acts
        elif isinstance(seat.app.focused, Input):
            await seat.press("enter")
        await settle(seat)
    while (front := seat.app.screen) is not screen:
        await seat.press("escape")
        await seat.until(partial(has_left, seat, front))
        await settle(seat)


@pytest.mark.parametrize("name", SCREENS)
async def test_no_key_of_any_screen_ends_the_terminal(
    name: str, shop: Shop, stripe: FlakyStripe, outage: Outage, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):  # no browser is opened
        monkeypatch.delenv(variable, raising=False)
    async with sit(size=(120, 40), STRIPE_API_BASE=stripe.base, STRIPE_CLI="/nowhere") as seat:
        SCREENS[name](seat.app.app_context.navigation, shop)
        await settle(seat)
        screen = seat.screen(BaseScreen)
        for key in keys_of(screen):
            outage.lasts = False
            await screen.reload()
            await settle(seat)
            outage.lasts = True
            await press_and_answer(seat, key)
        assert seat.app.is_running
        assert seat.app.screen is screen


@pytest.mark.usefixtures("shop")
async def test_a_star_marks_no_event_until_they_can_be_read(outage: Outage, sit: Sit) -> None:
    async with sit(size=(140, 30)) as seat:
        await seat.press("e")
        screen = await seat.screen_of(EventsScreen)
        await seat.until(lambda: len(seat.lines()) == 2)
        outage.lasts = True
        await seat.press("*")
        await seat.notices(WHY)
        assert not screen.marked
        outage.lasts = False
        await seat.press("*")
        await seat.sees("2 marked")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "keys", [["enter"], ["y"], ["*", "y"], ["*", "X"], ["X", *"old", "enter"]], ids=lambda keys: "_".join(keys)
)
async def test_messages_that_cannot_be_read_stay_as_they_are(
    keys: list[str], connection: asyncpg.Connection, outage: Outage, sit: Sit
) -> None:
    async with sit(size=(140, 30)) as seat:
        seat.app.app_context.navigation.dead_letters()
        screen = await seat.screen_of(DeadLettersScreen)
        await seat.until(lambda: len(seat.lines()) == 2)
        while "500" not in seat.lines()[screen.table.cursor_rank]:
            await seat.press("down")
        outage.lasts = True
        await seat.press(*keys)
        await seat.notices(WHY)
        assert seat.app.screen is screen
        outage.lasts = False
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE status = 'dead'") == 2


async def test_an_order_that_could_not_be_read_is_not_canceled(
    connection: asyncpg.Connection, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await add_order(connection)

    async def unread(*_: object) -> OrderDetails:
        raise DatabaseUnavailable(WHY)

    monkeypatch.setattr("tui.screens.order.read_order_details", unread)
    async with sit() as seat:
        seat.app.app_context.navigation.order(order_id)
        screen = await seat.screen_of(OrderScreen)
        await settle(seat)
        await seat.press("X")
        await settle(seat)
        assert seat.app.screen is screen
    assert await connection.fetchval("SELECT status FROM orders") == "pending"
