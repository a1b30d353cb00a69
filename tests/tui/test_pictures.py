"""Pictures of the screens, compared with those that were looked at: tests/tui/pictures/*.svg.

`CHECKOUT_TAKE_PICTURES=1 pytest tests/tui/test_pictures.py` takes them anew; look at them before they are committed.
"""

from __future__ import annotations

import math
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.events.event_lists import EventOutcome
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.operations.doctor import CHECKS, Check
from checkout_daemon.operations.vital_signs import MINUTE, MINUTES, VitalSigns, judge
from checkout_daemon.orders import notes
from checkout_daemon.orders.figures import ArrivalLine, OwedLine, Trouble
from checkout_daemon.outbox.outbox_store import Backlog
from checkout_daemon.settings import load_settings
from checkout_daemon.stripe_sync.catching_up import CaughtUp
from checkout_daemon.stripe_sync.pulse import Pulse
from tests.support.orders import add_charge, add_order
from tests.support.stripe_events import deliver, event_body, refund_object, session_object
from tests.tui.conftest import Seat, Sit
from tui import app
from tui.checkup import Checkup
from tui.screens.health import HealthScreen
from tui.screens.trigger import TriggerScreen
from tui.widgets.top_line import TopLine

PICTURES = Path(__file__).parent / "pictures"
SIZES = [(80, 24), (160, 45)]
DESK_SIZES = [(80, 24), (120, 40), (200, 60)]
STATUSES = ["completed", "pending", "processing", "partially_refunded", "disputed", "failed", "expired", "refunded"]
NAMES = ["Ada Lovelace", "Zoë Müller", "Grace Hopper", "Konrad Zuse"]


@pytest.fixture
async def shop(connection: asyncpg.Connection) -> None:
    """Add orders of all statuses, with times that look the same whenever the test runs."""
    for place in range(28):
        status = STATUSES[place * 5 % len(STATUSES)]
        await add_order(
            connection,
            created_at=datetime.now(UTC) - timedelta(days=30 - place, hours=12),
            status=status,
            id=f"aaaa0000-0000-4000-8000-0000000000{place:02}",
            customer_name=NAMES[place % len(NAMES)],
            attention=["dispute_needs_response"] if status == "disputed" else [],
            amount_subtotal=990 * (place + 1),
            amount_total=990 * (place + 1),
        )


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon is at work, and Stripe answers it."""

    async def read(_: asyncpg.Connection) -> Pulse:
        return Pulse(1.0)

    monkeypatch.setattr(app, "read_pulse", read)


async def picture(seat: Seat, name: str) -> None:
    """Compare the screen with its picture; times, and the ids that Textual numbers anew, are made equal."""
    context = seat.app.app_context
    await seat.until(lambda: context.pulse is not None and context.trouble is not None)
    for line in seat.app.screen.query(TopLine):
        line.redraw()
    await seat.pilot.pause()
    width, height = seat.app.size
    path = PICTURES / f"{name}-{width}x{height}.svg"
    seen = _steady(seat.app.export_screenshot())
    if os.environ.get("CHECKOUT_TAKE_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        path.write_text(seen, encoding="utf-8")
    assert seen == path.read_text(encoding="utf-8"), f"{path.name} looks different; see this module's first lines"


def _steady(svg: str) -> str:
    svg = re.sub(r"terminal-\d+", "terminal-0", svg)
    svg = re.sub(r"\d{4}-\d\d-\d\d", "2026-01-01", svg)
    svg = re.sub(r"\d\d:\d\d:\d\d", "12:00:00", svg)
    return re.sub(r"(?<![\d:])\d\d:\d\d(?=&#160;UTC)", "12:00", svg)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x45"])
async def test_the_orders(sit: Sit, size: tuple[int, int]) -> None:
    async with sit(size=size) as seat:
        await seat.sees("Today no revenue yet", "28 orders")
        await seat.press("down", "down")
        await picture(seat, "orders")


@pytest.fixture
async def storied(database_url: str, connection: asyncpg.Connection, intake: Intake) -> None:
    """An order that was paid, refunded in part and then disputed; an event of it, and of others, failed."""
    made = datetime.now(UTC) - timedelta(days=2, hours=12)
    order_id = "aaaa0000-0000-4000-8000-000000000001"
    await add_order(connection, created_at=made, id=order_id, amount_subtotal=3399, amount_total=3399)
    await connection.execute(
        "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
        " VALUES ($1, 0, 'NOTE', 'Notebook', 1200, 2, 2400, 0), ($1, 1, 'PEN', 'Pen', 333, 3, 999, 0)",
        order_id,
    )
    no_funds = {
        "status": "failed", "decline_source": 3, "decline_code": "insufficient_funds", "declined_at": made,
        "decline_message": "Your card has insufficient funds.",
    }  # fmt: skip
    known = {"funding": "credit", "country": "AT", "assessed_at": made, "risk_level": "normal", "risk_score": 12}
    await add_charge(connection, order_id, id="ch_2QxAmPlE", last4="9995", **known, **no_funds)
    await add_charge(connection, order_id, id="ch_3QxAmPlE", wallet="apple_pay", **known)
    at = int(made.timestamp())
    session = session_object(order_id, f"cs_test_a1{'b2' * 28}", "pi_3QxAmPlE", amount_total=3399)
    refund = refund_object("re_3QxAmPlE", "pi_3QxAmPlE", 500) | {"created": at + 60}
    dispute = {
        "id": "du_1QxAmPlE", "object": "dispute", "payment_intent": "pi_3QxAmPlE", "charge": "ch_3QxAmPlE",
        "amount": 3399, "currency": "eur", "status": "needs_response", "reason": "fraudulent", "livemode": False,
        "evidence_details": {"due_by": at + 20 * 86400}, "created": at + 120,
    }  # fmt: skip
    deliveries = (
        ("checkout.session.completed", session),
        ("refund.created", refund),
        ("charge.dispute.created", dispute),
        ("customer.created", {"id": "cus_1", "object": "customer"}),
        ("refund.updated", {"id": 7, "object": "refund"}),
        ("refund.updated", {"id": 8, "object": "refund"}),
    )
    for place, (event_type, payload) in enumerate(deliveries):
        body = event_body(event_type, payload, event_id=f"evt_1QxAmPlE{place}", created=at + 60 * place)
        await deliver(intake, body)
    database = Database(database_url)
    await notes.note_order(database, order_id, "The bank was called.", operator=Operator("ada", "till-1"))
    await database.close()
    await connection.execute("UPDATE stripe_events SET status = 'dead' WHERE id = 'evt_1QxAmPlE5'")


@pytest.mark.usefixtures("storied")
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x45"])
async def test_one_order(sit: Sit, size: tuple[int, int]) -> None:
    async with sit(size=size) as seat:
        await seat.until(lambda: bool(seat.numbers()))
        await seat.press("enter")
        await seat.sees("Order 1001", "orders show 1001", "The bank was called")
        await picture(seat, "order")


@pytest.mark.usefixtures("storied")
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x45"])
async def test_events_and_dead_letters(connection: asyncpg.Connection, sit: Sit, size: tuple[int, int]) -> None:
    await connection.execute("UPDATE stripe_events SET received_at = received_at - interval '210 minutes'")
    async with sit(size=size) as seat:
        await seat.press("e")
        await seat.until(lambda: len(seat.lines()) == 6)
        await seat.press("down")
        await picture(seat, "events")
        await seat.press("d")
        await seat.sees("What failed", "refund.id")
        await picture(seat, "dead-letters")


@pytest.mark.parametrize("size", DESK_SIZES, ids=["80x24", "120x40", "200x60"])
async def test_what_is_to_do(connection: asyncpg.Connection, sit: Sit, size: tuple[int, int]) -> None:
    ago = datetime.now(UTC) - timedelta(days=3, hours=12)
    for place, code in enumerate(("refund_failed", "amount_mismatch", "paid_twice", "appeared_late")):
        amount = 12_990 - 2000 * place
        order_id = await add_order(
            connection, created_at=ago, attention=[code], amount_subtotal=amount, amount_total=amount,
            id=f"aaaa0000-0000-4000-8000-0000000000{place:02}", customer_name=NAMES[place],
        )  # fmt: skip
        await connection.execute("UPDATE orders SET updated_at = $2 WHERE id = $1", order_id, ago)
        await add_charge(connection, order_id, last4="4242")
    await connection.execute(
        "INSERT INTO order_care (order_id, owner) SELECT id, 'anna' FROM orders WHERE number = 1002"
    )
    await connection.execute(
        "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
        " VALUES ('evt_1', 'charge.refunded', 'dead', 'KeyError: amount', $1, '')",
        ago,
    )
    async with sit(size=size) as seat:
        await seat.press("D")
        await seat.sees("5 to do", "Card: Visa 4242")
        await picture(seat, "todo")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("size", DESK_SIZES, ids=["80x24", "120x40", "200x60"])
async def test_a_batch(connection: asyncpg.Connection, sit: Sit, size: tuple[int, int]) -> None:
    started = datetime.now(UTC) - timedelta(days=3, hours=12)
    await connection.execute(
        "INSERT INTO batches (act, options, note, operator, host, livemode, status, why, total, done, failed, skipped,"
        " created_at) VALUES ('refund', '{}', 'recall of lot 7', 'anna', 'desk', false, 'stopped',"
        " 'stripe_rejected: Stripe refused: the card was closed', 8, 4, 1, 1, $1)",
        started,
    )
    await connection.execute(
        "INSERT INTO batch_items (batch, position, subject, order_id, amount, currency, status, kind, outcome)"
        " SELECT 1, number - 1000, number, id, amount_total, currency,"
        "  CASE WHEN number <= 1004 THEN 'done' WHEN number = 1005 THEN 'failed' WHEN number = 1006 THEN 'skipped'"
        "  ELSE 'waiting' END,"
        "  CASE WHEN number = 1005 THEN 'stripe_rejected: Stripe refused: the card was closed' END,"
        "  CASE WHEN number = 1005 THEN 'Stripe refused: the card was closed'"
        "       WHEN number = 1006 THEN 'it is refunded' END"
        " FROM orders WHERE number <= 1008"
    )
    async with sit(size=size) as seat:
        await seat.press("B")
        await seat.sees("stopped")
        await seat.press("enter")
        await seat.sees("6 of 8", "4 done, 1 failed, 1 skipped, 2 left")
        await picture(seat, "batch")


@pytest.mark.usefixtures("shop")
async def test_the_light_theme_and_the_help(sit: Sit) -> None:
    async with sit(size=(80, 45), read_only=True) as seat:
        await seat.sees("Today no revenue yet", "28 orders")
        await seat.press("f2", "question_mark")
        await seat.sees("Keys: Orders")
        await picture(seat, "help")


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x45"])
async def test_a_trigger(sit: Sit, size: tuple[int, int]) -> None:
    async with sit(size=size) as seat:
        seat.app.push_screen(TriggerScreen(seat.app.app_context, 1002))
        screen = await seat.screen_of(TriggerScreen)
        await seat.until(lambda: screen.choice.order is not None)
        for line in ("Setting up fixture for: confirm", "Running fixture for: confirm", "Trigger succeeded!"):
            screen.post_message(TriggerScreen.Printed(line, False))
        end = EventOutcome("evt_1", "charge.succeeded", "applied", None, None, 1002, "pending", "completed", None, None)
        screen.post_message(TriggerScreen.Handled(end))
        ignored = EventOutcome(
            "evt_2", "charge.updated", "ignored", "unhandled_type", None, None, None, None, None, None
        )
        screen.post_message(TriggerScreen.Handled(ignored))
        screen.post_message(TriggerScreen.Ended(("charge.failed evt_3 dead: amount_mismatch",)))
        await seat.sees("applied to #1002", "dead: amount")
        await picture(seat, "trigger")


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "160x45"])
async def test_health(sit: Sit, size: tuple[int, int]) -> None:
    async with sit(size=size) as seat:
        seat.app.app_context.checkup = found()
        await seat.press("H")
        await seat.screen_of(HealthScreen)
        await seat.sees("2 faults", "FAULT  endpoint")
        await picture(seat, "health")


def found() -> Checkup:
    """Return a checkup that found two faults and is not repeated."""
    at = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
    minutes = [at - (MINUTES - 1 - place) * MINUTE for place in range(MINUTES)]
    signs = VitalSigns(
        at=at,
        answered_seconds=0.0021,
        daemons=(4711,),
        trouble=Trouble(0, 1, 2, 3, 0, 0.6),
        waiting=(Backlog("mail", "queued", 4, 2.0),),
        caught_up=CaughtUp(at, 412, 412),
        compared_at=at,
        arrivals=tuple(
            ArrivalLine(minute, 40 + place * 7 % 23, 0.4 + place % 5 / 5) for place, minute in enumerate(minutes)
        ),
        owed=tuple(OwedLine(minute, place * 3 % 8) for place, minute in enumerate(minutes)),
        pulse=Pulse(1.0),
    )
    checks = [Check.passed(name, "as it should be") for name in CHECKS]
    settings = load_settings({"DATABASE_URL": "postgresql://127.0.0.1/none"})
    faults = [
        Check.failed(
            "endpoint", "we_1 for https://shop.example/api/webhook is disabled", "stripe webhook_endpoints update we_1"
        ),
        Check.failed("dead_letters", "3 events dead, 2 failed and tried again", "checkout events list --status dead"),
    ]
    held = {check.check: check for check in [*checks, *judge(settings, signs), *faults]}
    checkup = Checkup(found=held, signs=signs, _due=math.inf, _signs_due=math.inf)
    checkup.answers.extend(0.002 + place % 7 / 2000 for place in range(MINUTES))
    return checkup
