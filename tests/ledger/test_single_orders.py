"""The short way for orders that are alone comes to the same as the graph of all links, whatever a history holds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from checkout_daemon.ledger.derive import OrderFacts
from checkout_daemon.ledger.fact_store import Loaded
from checkout_daemon.ledger.facts import Act, ActKind, Link, LinkRank, PaymentStatus, SessionFact, SessionStatus
from checkout_daemon.ledger.merge import Merged, Update, load_all, work_out
from checkout_daemon.ledger.single_orders import SingleOrders
from checkout_daemon.ledger.translate.stripe_objects import Translation
from checkout_daemon.ledger.writes import record
from tests.ledger.stripe_history import ORDER_ID, OTHER_ORDER_ID, TOTAL, Event, SessionPlan, session_plans, tell
from tests.support.stripe_events import insert_order

GROUPS = 20


@pytest.mark.parametrize("number", range(6))
async def test_both_ways_write_the_same(connection: asyncpg.Connection, database_url: str, number: int) -> None:
    chance = random.Random(number)
    alone = merged = 0
    for several in examples(number):
        mixed: list[Update] = []
        for plans in several:
            orders = {
                ORDER_ID: await insert_order(database_url, total=TOTAL),
                OTHER_ORDER_ID: await insert_order(database_url, total=TOTAL),
            }
            mixed = interleaved(mixed, history(plans, orders, chance), chance)
        for batch in batches(mixed, chance):
            await misplace(connection, chance)
            async with connection.transaction():
                loaded, singles = await load_all(connection, batch)
                alone += sum(order_id is not None for order_id in singles.order_ids)
                merged += len(batch)
                short, writes = work_out(loaded, batch, singles)
                whole, expected = work_out(loaded, batch, SingleOrders(Loaded(), batch))
                assert writes == expected
                assert short.order_ids == whole.order_ids
                for order_id in loaded.orders:
                    assert known(short, order_id) == known(whole, order_id)
                if writes:
                    await record(connection, writes)
    assert merged > 100
    assert alone > merged / 4  # the rest are histories in which orders share objects, or events come before their links


async def misplace(connection: asyncpg.Connection, chance: random.Random) -> None:
    """Place some rows under a wrong order or none, as if an earlier release had done so."""
    if chance.random() < 0.2:
        table = chance.choice(["payments", "checkout_sessions"])
        other = chance.choice(["NULL", "(SELECT id FROM orders ORDER BY md5(id || $1::text) LIMIT 1)"])
        await connection.execute(
            f"UPDATE {table} SET order_id = {other}"
            f" WHERE id = (SELECT id FROM {table} ORDER BY md5(id || $1::text) LIMIT 1)",
            str(chance.random()),
        )


def known(merged: Merged, order_id: str) -> object:
    facts: OrderFacts = merged.facts(order_id)
    payments = {payment_id: set(observed) for payment_id, observed in dict(facts.payments).items()}
    of_stripe = [set(facts.sessions), set(facts.refunds), set(facts.disputes), set(facts.warnings)]
    return merged.derived(order_id), payments, of_stripe, facts.acts, facts.canceled


def history(plans: list[SessionPlan], orders: dict[str, str], chance: random.Random) -> list[Update]:
    """Return the updates of a history in any order, with acts of operators and the sessions that we made ourselves."""
    tag = uuid4().hex[:8]
    updates = [update_of(event, orders, tag) for event in tell(plans)]
    for number, plan in enumerate(plans):
        if chance.random() < 0.5:
            session_id = f"cs_{number}{tag}"
            updates.insert(
                0,
                Update(
                    "session.created",
                    "shopper",
                    subject_id=session_id,
                    links=[Link(session_id, orders[plan.order], LinkRank.OURS)],
                    facts=[SessionFact(session_id, False, SessionStatus.OPEN, PaymentStatus.UNPAID, attempt=1)],
                ),
            )
    updates.append(Update("order.checked", "test", order_ids=[orders[ORDER_ID]]))
    unlinked = [fact for update in chance.sample(updates, len(updates) // 2) for fact in update.facts]
    updates.append(Update("order.synced", "test", facts=unlinked, order_ids=[orders[ORDER_ID]]))
    if chance.random() < 0.3:
        acts = [(orders[ORDER_ID], Act(ActKind.CANCELED))]
        updates.append(Update("order.canceled", "ana", acts=acts, always_logged=True))
    if chance.random() < 0.6:
        chance.shuffle(updates)
    return updates + chance.sample(updates, len(updates) // 3)


def update_of(event: Event, orders: dict[str, str], tag: str) -> Update:
    named = event.object
    for prefix in ("cs_", "pi_", "ch_", "re_", "dp_", "issfr_"):
        named = {
            name: f"{value}{tag}" if isinstance(value, str) and value.startswith(prefix) else value
            for name, value in named.items()
        }
    if named.get("client_reference_id"):
        named["client_reference_id"] = orders[named["client_reference_id"]]
    if (named.get("metadata") or {}).get("order_id"):
        named["metadata"] = {"order_id": orders[named["metadata"]["order_id"]]}
    translation: Translation = Event(event.id, event.type, event.created, event.livemode, named).translation()
    return Update(
        event.type, "stripe", event.id, translation.subject_id, links=translation.links, facts=translation.facts
    )


def interleaved(one: Sequence[Update], other: Sequence[Update], chance: random.Random) -> list[Update]:
    """Return both histories as one, each in its own sequence."""
    turns = [0] * len(one) + [1] * len(other)
    chance.shuffle(turns)
    sources = (iter(one), iter(other))
    return [next(sources[turn]) for turn in turns]


def batches(updates: Sequence[Update], chance: random.Random) -> list[list[Update]]:
    found: list[list[Update]] = []
    waiting = list(updates)
    while waiting:
        size = chance.randint(1, 8)
        found.append(waiting[:size])
        waiting = waiting[size:]
    return found


def examples(number: int) -> list[list[list[SessionPlan]]]:
    """Return groups of histories, the same for the same number."""
    found: list[list[list[SessionPlan]]] = []

    @settings(
        max_examples=GROUPS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.lists(session_plans, min_size=1, max_size=3), min_size=1, max_size=3))
    def collect(several: list[list[SessionPlan]]) -> None:
        found.append(several)

    seed(number)(collect)()
    return found
