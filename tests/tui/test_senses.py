"""What one sees and points at: colours that can be read, real money that cannot be overlooked, and the mouse."""

from __future__ import annotations

import asyncpg
import pytest
from rich.cells import cell_len
from textual.color import Color
from textual.events import Key
from textual.theme import Theme

from checkout_daemon.ledger.intake import Intake
from tests.support.orders import add_order
from tests.support.stripe_events import deliver, event_body, session_object
from tests.tui.conftest import Seat, Sit
from tui.screens.dialogs import Ask
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.theme import CONTRAST, DARK, LIGHT
from tui.widgets.chips import Chips
from tui.widgets.entry import Entry

TONES = ("primary", "accent", "success", "warning", "error", "foreground", "muted", "cyan")
GROUNDS = ("background", "surface")


@pytest.mark.parametrize(
    ("theme", "least"), [(DARK, 4.5), (LIGHT, 4.5), (CONTRAST, 7.0)], ids=["dark", "light", "contrast"]
)
def test_every_tone_can_be_read_on_every_ground(theme: Theme, least: float) -> None:
    """As WCAG 2.2 has it: 4.5 to one, and 7 to one for high contrast."""
    tones = {name: theme.variables.get(name) or getattr(theme, name) for name in TONES}
    poor = {
        (name, ground): round(ratio, 2)
        for name, tone in tones.items()
        for ground in GROUNDS
        if (ratio := _contrast(tone, getattr(theme, ground))) < least
    }
    assert poor == {}


@pytest.mark.parametrize("keys", ["", "enter", "e", "e enter", "e d", "H", "T"])
async def test_another_theme_leaves_nothing_in_the_colours_of_the_one_before(
    keys: str, connection: asyncpg.Connection, intake: Intake, sit: Sit
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    await deliver(intake, event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1")))
    async with sit(size=(120, 40)) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        for key in keys.split():
            await seat.press(key)
        await seat.until(lambda: bool(_colours(seat) & _tones(DARK)))
        await seat.press("f2")
        await seat.until(lambda: bool(_colours(seat) & _tones(LIGHT)))
        await seat.until(lambda: not _colours(seat) & _tones(DARK))


async def test_real_money_is_named_before_it_is_given_back(
    connection: asyncpg.Connection, intake: Intake, sit: Sit
) -> None:
    order_id = await add_order(connection, livemode=True, amount_subtotal=5000, amount_total=5000)
    session = session_object(order_id, "cs_1", "pi_1", livemode=True)
    await deliver(intake, event_body("checkout.session.completed", session, livemode=True))
    async with sit(STRIPE_API_KEY="sk_live_0123456789") as seat:
        await seat.until(lambda: "completed" in seat.lines()[0])
        await seat.press("enter")
        await seat.screen_of(OrderScreen)
        await seat.sees("Order 1001   completed")
        await seat.press("f")
        await seat.sees("How much of €50.00")
        await seat.press("1", "enter")
        await seat.sees("LIVE MODE: this is real money.", "Refund €1.00 of pi_1", "This leaves €49.00")
        await seat.press("escape")
    assert await connection.fetchval("SELECT count(*) FROM operator_log") == 0


async def test_an_order_of_the_other_mode_is_refused_before_anything_is_asked(
    connection: asyncpg.Connection, sit: Sit
) -> None:
    await add_order(connection)
    async with sit(STRIPE_API_KEY="sk_live_0123456789") as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("enter")
        screen = await seat.screen_of(OrderScreen)
        await seat.sees("Order 1001   pending")
        await seat.press("X")
        await seat.notices("This order was created with a test key, and this terminal uses a live key.")
        assert seat.app.screen is screen


async def test_a_click_chooses_and_a_second_one_opens(connection: asyncpg.Connection, sit: Sit) -> None:
    await add_order(connection, attention=["paid_twice"])
    await add_order(connection)
    async with sit() as seat:
        screen = seat.screen(OrdersScreen)
        await seat.until(lambda: len(seat.numbers()) == 2)
        place = seat.text().splitlines()[screen.query_one(Chips).region.y].index("any attention")
        await seat.pilot.click(Chips, offset=(place, 0))
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("0")
        await seat.until(lambda: len(seat.numbers()) == 2)
        await seat.pilot.click(screen.table, offset=(5, 2))
        await seat.sees("$ checkout orders show 1001")
        await seat.pilot.click(screen.table, offset=(5, 2))
        await seat.screen_of(OrderScreen)
        await seat.sees("Order 1001")


def _tones(theme: Theme) -> set[str]:
    named = (theme.variables.get(name) or getattr(theme, name) for name in (*TONES, *GROUNDS))
    return {colour.lower() for colour in named}


def _colours(seat: Seat) -> set[str]:
    """Return every colour on the screen, of text and of background."""
    strips = seat.app.screen._compositor.render_strips()
    styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
    return {
        colour.get_truecolor().hex for style in styles for colour in (style.color, style.bgcolor) if colour is not None
    }


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(Color.parse(text)) for text in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def test_names_of_every_script_are_written_as_they_are(connection: asyncpg.Connection, sit: Sit) -> None:
    names = {
        "山田\N{IDEOGRAPHIC SPACE}太郎": "山田 太郎",
        "Anne\N{NO-BREAK SPACE}Marie": "Anne Marie",
        "علی\N{ZERO WIDTH NON-JOINER}رضا": "علی\N{ZERO WIDTH NON-JOINER}رضا",
        "Zoe 👩\N{ZERO WIDTH JOINER}👧": "Zoe 👩👧",
        "Eve\x9b31m": "Eve\N{REPLACEMENT CHARACTER}31m",
    }
    for name in names:
        await add_order(connection, customer_name=name)
    async with sit(size=(160, 45)) as seat:
        await seat.sees("5 orders", *names.values())
        assert {cell_len(line[: line.index("ada@")]) for line in seat.lines()} == {
            cell_len(seat.lines()[0].partition("ada@")[0])
        }


async def test_keys_that_come_all_at_once_are_taken_in_their_order(sit: Sit) -> None:
    async with sit() as seat:
        asked = Ask("Refund", "How much?")
        seat.app.push_screen(asked)
        await seat.screen_of(Ask)
        for key in ("1", "5", "backspace", "2", "home", "3", "end", "left", "delete", "4"):
            seat.app.post_message(Key(key, key if len(key) == 1 else None))
        entry = asked.query_one(Entry)
        await seat.until(lambda: entry.value.endswith("4") or len(entry.value) > 3)
        assert entry.value == "314"
