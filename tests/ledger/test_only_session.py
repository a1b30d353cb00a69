"""The session of a new order, recorded in one statement, leaves what a merge would leave; otherwise it is refused."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from checkout_daemon.checkout.sessions import our_session_update
from checkout_daemon.ledger.facts import Act, ActKind
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.ledger.only_session import record_only_session
from checkout_daemon.model.orders import OrderTerms
from checkout_daemon.orders.session_attempt_store import record_session
from checkout_daemon.stripe_api.client import Fetched
from tests.ledger.stripe_history import ORDER_ID, OTHER_ORDER_ID, TOTAL, Event, session_plans, tell
from tests.support.stripe_events import insert_order

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TERMS = OrderTerms(ORDER_ID, TOTAL, "eur", livemode=False)

STORED = (
    "SELECT id, status, attention, amount_refunded, paid_at FROM orders ORDER BY id",
    "SELECT source_id, target_id, rank FROM links ORDER BY 1, 2",
    "SELECT id, livemode, order_id, attempt, status, outcome, url, expires_at, known_at, unknown_at, unknown_words"
    " FROM checkout_sessions ORDER BY 1, 2",
    "SELECT id, order_id FROM payments ORDER BY 1",
    "SELECT payment_id, amount, currency, livemode, paid_at FROM payment_observations ORDER BY 1, 2, 3, 4",
    "SELECT order_id, from_status, to_status, cause, actor, note FROM order_changes ORDER BY seq",
    "SELECT order_id, kind, subject_id, channel FROM outbox ORDER BY 1, 2, 3, 4",
    "SELECT order_id, attempt, session_id, rejected_at IS NULL, error FROM session_attempts ORDER BY 1, 2",
    "SELECT id, status, reason, order_id FROM stripe_events ORDER BY 1",
)

# What else may be known when Stripe has answered.
MORE = {
    "nothing": "SELECT",
    "an event without an order": "INSERT INTO stripe_events (id, type, status, reason, subject_id, received_at,"
    " body_hash) VALUES ('evt_0', 'x', 'ignored', 'no_order', 'cs_0', now(), '')",
    "a second attempt": f"INSERT INTO session_attempts VALUES ('{ORDER_ID}', 2, '', now())",
    "a refused attempt": "UPDATE session_attempts SET rejected_at = now(), error = 'no'",
    "an answered attempt": "UPDATE session_attempts SET session_id = 'cs_9'",
    "a doubtful attempt": "INSERT INTO doubtful_attempts (order_id, attempt, closed_at)"
    f" VALUES ('{ORDER_ID}', 1, now())",
    "a payment on the session": "INSERT INTO payments (id) VALUES ('cs_0')",
    "a session without a link": "INSERT INTO checkout_sessions (id, livemode, status, outcome)"
    " VALUES ('cs_0', true, 'expired', 'unpaid')",
    "another link of the session": f"INSERT INTO links VALUES ('cs_0', '{OTHER_ORDER_ID}', 1)",
}


@pytest.fixture
async def orders(database_url: str, connection: asyncpg.Connection) -> None:
    for order_id in (ORDER_ID, OTHER_ORDER_ID):
        await insert_order(database_url, order_id, total=TOTAL)
    await connection.execute("INSERT INTO session_attempts VALUES ($1, 1, '{}', now())", ORDER_ID)


def session(**fields: Any) -> dict[str, Any]:
    """Return an open session as Stripe returns it to whoever made it."""
    return {
        "id": "cs_0",
        "object": "checkout.session",
        "client_reference_id": ORDER_ID,
        "metadata": {"order_id": ORDER_ID, "attempt": "1"},
        "payment_intent": None,
        "status": "open",
        "payment_status": "unpaid",
        "amount_total": TOTAL,
        "currency": "eur",
        "livemode": False,
        "url": "https://checkout.stripe.com/c/pay/cs_0",
        "expires_at": 1_790_086_400,
    } | fields


ANSWERS: dict[str, dict[str, Any]] = {
    "open": {},
    "of another mode": {"livemode": True},
    "of another order": {"client_reference_id": OTHER_ORDER_ID},
    "expired": {"status": "expired"},
    "complete": {"status": "complete"},
    "paid": {"status": "complete", "payment_status": "paid"},
    "paid with a PaymentIntent": {"status": "complete", "payment_status": "paid", "payment_intent": "pi_0"},
    "open with a PaymentIntent": {"payment_intent": "pi_0"},
    "unknown": {"status": "a_status_of_next_year"},
    "without references": {"client_reference_id": None, "metadata": {}, "url": None, "expires_at": None},
}


async def quickly(connection: asyncpg.Connection, update: Update) -> bool:
    """Record the session in one statement, or else as `generally` does. Return whether the statement did it."""
    if await record_only_session(connection, TERMS, 1, update) is not None:
        return True
    await generally(connection, update)
    return False


async def generally(connection: asyncpg.Connection, update: Update) -> bool:
    await merge(connection, [update])
    await record_session(connection, ORDER_ID, 1, str(update.subject_id))
    return False


async def both_ways(connection: asyncpg.Connection, update: Update) -> bool:
    """Check that both ways leave the same, and nothing committed. Return whether one statement did it."""
    left, done = [], []
    for way in (quickly, generally):
        attempt = connection.transaction()
        await attempt.start()
        done.append(await way(connection, update))
        left.append([[tuple(row) for row in await connection.fetch(table)] for table in STORED])
        await attempt.rollback()
    assert left[0] == left[1]
    return done[0]


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_both_ways_leave_the_same(connection: asyncpg.Connection, orders: None, more: str, answer: str) -> None:
    await connection.execute(MORE[more])
    update = our_session_update(Fetched(session(**ANSWERS[answer]), NOW), ORDER_ID, 1, "session.created", "shopper")
    alone = answer in ("open", "without references") and more == "nothing"
    assert await both_ways(connection, update) == alone


async def test_an_act_of_an_operator_is_merged_with(connection: asyncpg.Connection, orders: None) -> None:
    async with connection.transaction():
        await merge(connection, [Update("order.canceled", "ada", acts=[(ORDER_ID, Act(ActKind.CANCELED))])])
    update = our_session_update(Fetched(session(), NOW), ORDER_ID, 1, "session.created", "shopper")
    assert not await both_ways(connection, update)


@pytest.mark.parametrize("seed", range(4))
async def test_after_any_part_of_a_history_both_ways_leave_the_same(
    connection: asyncpg.Connection, orders: None, seed: int
) -> None:
    chance = random.Random(seed)
    alone = 0
    for history in histories(seed):
        known = connection.transaction()
        await known.start()
        for event in chance.sample(history, chance.randint(0, len(history))):
            told = event.translation()
            facts = Update(event.type, "stripe", "", told.subject_id, told.links, told.facts)
            await merge(connection, [facts])
        alone += await both_ways(connection, answer_within(history, chance))
        await known.rollback()
    assert alone


def answer_within(history: list[Event], chance: random.Random) -> Update:
    """Return the update from a session of the history as an answer shows it, or from its session when it was new."""
    sessions = [event.object for event in history if event.object["object"] == "checkout.session"]
    found = chance.choice([session(), session(payment_intent="pi_0"), *sessions])
    return our_session_update(Fetched(found, NOW), ORDER_ID, 1, "session.created", "shopper")


def histories(seed: int) -> list[list[Event]]:
    """Return forty histories, the same for the same seed."""
    found: list[list[Event]] = []

    @settings(
        max_examples=40, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(session_plans, min_size=1, max_size=3).map(tell))
    def collect(events: list[Event]) -> None:
        found.append(events)

    seeded(seed)(collect)()
    return found


async def test_a_payment_committed_while_the_statement_waits_is_seen(
    database_url: str, connection: asyncpg.Connection, orders: None
) -> None:
    holder, waiter = [await asyncpg.connect(database_url) for _ in range(2)]
    paid = session(status="complete", payment_status="paid", payment_intent="pi_0")
    update = our_session_update(Fetched(session(), NOW), ORDER_ID, 1, "session.created", "shopper")
    async with holder.transaction():
        await merge(holder, [our_session_update(Fetched(paid, NOW), ORDER_ID, 1, "session.read", "stripe")])
        waiting = asyncio.create_task(record_only_session(waiter, TERMS, 1, update))
        async with asyncio.timeout(30):
            while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        # It waits for the session's id, which a merge locks before the order.
        assert await connection.fetchval("SELECT locktype FROM pg_locks WHERE NOT granted") == "advisory"
    assert await waiting is None
    for open_connection in (holder, waiter):
        await open_connection.close()
