"""Whatever text is in the database or in Stripe's answers, the terminal shows it and obeys nothing in it."""

from __future__ import annotations

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.errors import StripeRejected
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.orders.notes import note_order
from checkout_daemon.runtime import Runtime
from tests.support.hostile import HOSTILE, dispute_object, poison, unsafe_in
from tests.support.shopping import paid_order
from tests.support.stripe_events import deliver, event_body, refund_object
from tests.tui.conftest import Seat, Sit
from tests.tui.test_goto import go
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.dispute import DisputeScreen
from tui.screens.disputes import DisputesScreen
from tui.screens.event import EventScreen
from tui.screens.events import EventsScreen
from tui.screens.health import HealthScreen
from tui.screens.order import OrderScreen


@pytest.fixture
async def poisoned(stocked: None, runtime: Runtime, connection: asyncpg.Connection, intake: Intake) -> None:
    """Order 1001 with all that an order can have, and hostile text wherever it fits."""
    answer = await paid_order(runtime)
    payment_id = await connection.fetchval("SELECT id FROM payments")
    await deliver(intake, event_body("charge.dispute.created", dispute_object("dp_1", payment_id, 3399)))
    await deliver(intake, event_body("refund.created", refund_object("re_1", payment_id, 100)))
    await deliver(intake, event_body("refund.updated", {"id": 7, "reason": HOSTILE}, event_id="evt_failed"))
    await note_order(runtime.database, str(answer.order_id), "called", operator=Operator("ada", "desk"))
    await connection.execute("UPDATE outbox SET status = 'dead', last_error = 'refused'")
    await poison(connection)


def check(seat: Seat) -> None:
    shown = seat.text()
    assert unsafe_in(shown) == set()
    assert [line for line in shown.splitlines() if line.startswith("Bcc:")] == []


@pytest.mark.usefixtures("poisoned")
async def test_every_screen_shows_it_plain(sit: Sit) -> None:
    async with sit(size=(160, 50)) as seat:
        await seat.until(lambda: bool(seat.numbers()))
        await seat.sees("=1+1")
        check(seat)
        await seat.press("enter")
        order = await seat.screen_of(OrderScreen)
        await seat.until(lambda: order.details is not None)
        await seat.sees("[@click=app.quit]quit")
        check(seat)
        await seat.press("escape", "e")
        await seat.screen_of(EventsScreen)
        await seat.sees("=1+1")
        check(seat)
        await seat.press("enter")
        await seat.screen_of(EventScreen)
        await seat.sees("=1+1")
        check(seat)
        await seat.press("escape", "d")
        await seat.screen_of(DeadLettersScreen)
        await seat.sees("=1+1")
        check(seat)
        await seat.press("escape", "escape")
        await go(seat, "disputes")
        await seat.screen_of(DisputesScreen)
        await seat.sees("=1+1")
        check(seat)
        await seat.press("enter")
        await seat.screen_of(DisputeScreen)
        await seat.sees("[@click=app.quit]quit")
        check(seat)
        await seat.press("escape", "escape", "H")
        await seat.screen_of(HealthScreen)
        check(seat)


async def test_a_refusal_by_stripe_is_shown_plain(sit: Sit) -> None:
    async with sit(size=(120, 40)) as seat:
        seat.app.notify(StripeRejected(f"Stripe refused: {HOSTILE}").detail)
        await seat.sees("[@click=app.quit]quit", "Bcc:")
        assert unsafe_in(seat.text()) == set()
