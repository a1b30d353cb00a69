"""`:` goes anywhere, Esc comes back to where one was, and the palette knows every place."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import Runtime
from tests.support.orders import add_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Seat, Sit
from tui.context import AppContext
from tui.filters import Choice
from tui.navigation import MOST_SCREENS, ScreenNavigation
from tui.palette import entries
from tui.places import COMMANDS, HELP, PLACES, QUIT
from tui.screens.base import BaseScreen
from tui.screens.batches import BatchesScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.event import EventScreen
from tui.screens.events import EventsScreen
from tui.screens.goto import GoTo
from tui.screens.health import HealthScreen
from tui.screens.help import HelpScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.screens.todo import TodoScreen
from tui.screens.trigger import TriggerScreen
from tui.stack import ScreenStack


def keys(text: str) -> list[str]:
    """Return the names of the keys that type a text."""
    names = {
        ":": "colon",
        " ": "space",
        "@": "at",
        ".": "full_stop",
        "_": "underscore",
        "#": "number_sign",
        "-": "minus",
    }
    return [names.get(letter, letter) for letter in text]


async def go(seat: Seat, text: str, *, arrives: bool = True) -> None:
    """Type it at full speed, and wait until the line is gone."""
    seat.burst("colon")
    await seat.screen_of(GoTo)
    seat.burst(*keys(text), "enter")
    if arrives:
        await seat.until(lambda: not isinstance(seat.app.screen, GoTo))


def places(seat: Seat) -> list[tuple[object, ...]]:
    return [screen.place for screen in seat.app.screen_stack if isinstance(screen, BaseScreen)]


def test_no_name_of_a_place_has_two_meanings() -> None:
    names = [name for place in PLACES for name in place.names] + [*QUIT, *HELP]
    assert sorted(names) == sorted(set(names))
    assert set(COMMANDS) <= {*QUIT, *HELP}


@pytest.mark.parametrize(
    ("text", "screen"),
    [
        ("todo", TodoScreen), ("dead", DeadLettersScreen), ("dl", DeadLettersScreen), ("events", EventsScreen),
        ("HEALTH", HealthScreen), ("batches", BatchesScreen), ("trigger", TriggerScreen), ("?", HelpScreen),
    ],
)  # fmt: skip
async def test_every_screen_is_reached_by_its_name(sit: Sit, text: str, screen: type[OrderScreen]) -> None:
    async with sit() as seat:
        await go(seat, text)
        await seat.screen_of(screen)


async def test_q_leaves_the_program(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("D")
        await seat.screen_of(TodoScreen)
        await go(seat, "q", arrives=False)
        await seat.until(lambda: not seat.app.is_running)


async def test_numbers_and_ids_lead_to_their_order_or_event(
    connection: asyncpg.Connection, intake: Intake, sit: Sit
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await add_order(connection)
    session = session_object(order_id, "cs_1", "pi_1") | {"customer": "cus_1"}
    body = event_body("checkout.session.completed", session, event_id="evt_1")
    await deliver(intake, body[:-1] + b', "request": {"id": "req_1"}}')
    warning = {"id": "issfr_1", "object": "radar.early_fraud_warning", "payment_intent": "pi_1", "charge": "ch_1"}
    warned = event_body("radar.early_fraud_warning.created", {**warning, "actionable": True, "fraud_type": "misc"})
    await deliver(intake, warned)
    async with sit() as seat:
        for text in ("1001", "#1001", "cs_1", "pi_1", "cus_1", "req_1", "issfr_1", order_id):
            await go(seat, text)
            await seat.sees(" Order 1001 ", "$ checkout orders show 1001")
            seat.burst("escape")
            await seat.screen_of(OrdersScreen)
        await go(seat, "evt_1")
        assert (await seat.screen_of(EventScreen)).event_id == "evt_1"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1009", "there is no order 1009"),
        ("b 99", "batch 99 does not exist"),
        ("pi_none", "there is no order of pi_none"),
        ("evt_none", "event 'evt_none' does not exist"),
        ("req_none", "there is no order of req_none"),
    ],
)
async def test_what_is_not_there_is_said_in_one_line_and_what_follows_is_no_command(
    connection: asyncpg.Connection, sit: Sit, text: str, fault: str
) -> None:
    await add_order(connection)
    async with sit() as seat:
        await go(seat, text, arrives=False)
        await seat.sees(fault)
        await seat.press("T")
        assert isinstance(seat.app.screen, GoTo)
        await seat.press("escape")
        await seat.screen_of(OrdersScreen)


async def test_any_other_text_is_searched_for_and_escape_comes_back(connection: asyncpg.Connection, sit: Sit) -> None:
    for email in ("bo@example.com", "ada@example.com", "bo@example.com"):
        await add_order(connection, customer_email=email)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1003, 1002, 1001])
        await seat.press("down")
        home = seat.screen(OrdersScreen)
        await go(seat, "bo@")
        await seat.until(lambda: seat.app.screen is not home and seat.numbers() == [1003, 1001])
        await seat.sees("/ bo@", "$ checkout orders list --filter bo@")
        await seat.press("down", "enter")
        await seat.sees(" Order 1001 ")
        await seat.press("escape")
        await seat.until(lambda: seat.numbers() == [1003, 1001])
        await seat.press("escape")
        assert await seat.screen_of(OrdersScreen) is home
        assert home.table.cursor_row is not None
        assert home.table.cursor_row.row.order.number == 1002


async def test_statuses_are_lists_of_orders(connection: asyncpg.Connection, sit: Sit) -> None:
    for status in ("pending", "disputed", "failed"):
        await add_order(connection, status=status)
    async with sit() as seat:
        await seat.until(lambda: len(seat.numbers()) == 3)
        await go(seat, "disputed")
        await seat.until(lambda: seat.numbers() == [1002])
        await go(seat, "failed")
        await seat.until(lambda: seat.numbers() == [1003])
        await go(seat, "orders")
        await seat.until(lambda: len(seat.numbers()) == 3)


async def test_tab_completes_and_up_brings_back_what_was_typed(sit: Sit) -> None:
    async with sit() as seat:
        await seat.press("colon")
        await seat.sees("orders", "todo", "Tab completes")
        await seat.press("d", "e")
        await seat.sees("dead", "dead-letters", "Dead letters: what failed, by error")
        await seat.press("tab", "enter")
        await seat.screen_of(DeadLettersScreen)
        await go(seat, "health")
        await seat.screen_of(HealthScreen)
        seat.burst("colon", "up", "up", "enter")
        await seat.screen_of(DeadLettersScreen)
        seat.burst("colon", "h")
        await seat.screen_of(GoTo)
        seat.burst("backspace", "backspace")
        await seat.until(lambda: not isinstance(seat.app.screen, GoTo))
        await seat.screen_of(DeadLettersScreen)


@pytest.mark.usefixtures("patient")
async def test_keys_typed_at_once_go_there_and_act_there(connection: asyncpg.Connection, sit: Sit) -> None:
    for _ in range(3):
        await add_order(connection)
    async with sit() as seat:
        await seat.until(lambda: seat.numbers() == [1003, 1002, 1001])
        seat.burst(*keys(":1001"), "enter", "n", *"fix", "enter", *keys(":1002"), "enter")
        await seat.sees(" Order 1002 ")
        assert places(seat)[1:] == [
            ("Order", str(await connection.fetchval("SELECT id FROM orders WHERE number = $1", number)))
            for number in (1001, 1002)
        ]
        seat.burst("escape", *keys(":dead"), "enter", "escape")
        await seat.sees(" Order 1001 ", "fix")


async def test_a_place_is_on_the_way_back_once(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection)
    async with sit() as seat:
        for text, screen in (("1001", OrderScreen), ("events", EventsScreen), ("1001", OrderScreen)):
            await go(seat, text)
            await seat.screen_of(screen)
        assert [place[0] for place in places(seat)] == ["Orders", "Events", "Order"]
        await go(seat, "1001")
        await seat.screen_of(OrderScreen)
        assert len(places(seat)) == 3
        stack = ScreenStack(seat.app)
        stack.close(stack.open_screens()[1])
        await seat.press("escape")
        await seat.screen_of(OrdersScreen)
        await seat.press("escape")
        await seat.screen_of(OrdersScreen)


class FakeStack:
    """A stack whose screens are never shown."""

    def __init__(self) -> None:
        self.screens: list[BaseScreen] = []

    def open_screens(self) -> list[BaseScreen]:
        return list(self.screens)

    def push(self, screen: BaseScreen) -> None:
        self.screens.append(screen)

    def raise_to_front(self, screen: BaseScreen) -> None:
        self.screens.remove(screen)
        self.screens.append(screen)

    def close(self, screen: BaseScreen) -> None:
        self.screens.remove(screen)


async def test_the_way_back_is_bounded_and_ends_at_the_first_screen(runtime: Runtime) -> None:
    context, stack = AppContext(runtime, read_only=False), FakeStack()
    navigation = ScreenNavigation(context, stack)
    stack.push(OrdersScreen(context))
    for number in range(MOST_SCREENS + 5):
        navigation.event(f"evt_{number}")
    newest: list[tuple[object, ...]] = [("Event", f"evt_{number}") for number in range(6, MOST_SCREENS + 5)]
    assert [screen.place for screen in stack.screens] == [("Orders", Choice()), *newest]
    navigation.event("evt_10")
    newest.remove(("Event", "evt_10"))
    assert [screen.place for screen in stack.screens[1:]] == [*newest, ("Event", "evt_10")]


async def test_the_palette_begins_with_the_screen_and_ends_with_the_colours(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    await add_order(connection)
    async with sit() as seat:
        await seat.press("enter")
        screen = await seat.screen_of(OrderScreen)
        await seat.until(lambda: screen.details is not None)
        titles = [entry.title for entry in entries(screen)]
        own = [action.description for action in OrderScreen.all_actions() if not screen.obstacle(action)]
        assert "Add a note" in own
        assert [title for title in titles if title in own] == titles[: len(own)] == own
        assert titles[len(own) : len(own) + len(PLACES)] == [f"Go to: {place.description}" for place in PLACES]
        assert all(title.startswith("Theme: ") for title in titles[len(own) + len(PLACES) :])
        await seat.press("ctrl+p")
        await seat.sees("key Esc", "key r   checkout sessions resend ORDER")


@pytest.mark.parametrize(("typed", "shown"), [("lovel", "Order 1001: Ada Lovelace"), ("[b]", "Order 1002: [b]Bo[/b]")])
async def test_the_palette_finds_orders_by_their_customer_on_every_screen(
    connection: asyncpg.Connection, sit: Sit, typed: str, shown: str
) -> None:
    await add_order(connection)
    await add_order(connection, customer_name="[b]Bo[/b]")
    async with sit() as seat:
        await go(seat, "health")
        await seat.screen_of(HealthScreen)
        await seat.press("ctrl+p", *keys(typed))
        await seat.sees(shown, f"Orders with {typed}")
        await seat.press("enter")
        await seat.sees(f" {shown.split(':')[0]} ")
        assert [place[0] for place in places(seat)] == ["Orders", "Health", "Order"]
