"""The database ends in the derived state, whatever the order, duplication, batching and concurrency of a history."""

from __future__ import annotations

import asyncio
import json
import random
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from checkout_daemon.database.cells import exact
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger import intake as intake_module
from checkout_daemon.ledger.charge_facts import ChargeFact
from checkout_daemon.ledger.intake import Intake
from tests.ledger.stripe_history import ORDER_ID, OTHER_ORDER_ID, TOTAL, SessionPlan, session_plans, tell
from tests.ledger.test_order_does_not_matter import charges_of, end_of
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order


@pytest.mark.parametrize("seed", range(12))
async def test_histories_delivered_concurrently_end_as_derived(
    database_url: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliver the shuffled events of twenty histories with distinct ids, some of them twice.

    Small batches on many lanes make transactions meet on the same orders.
    """
    monkeypatch.setattr(intake_module, "LARGEST_BATCH", 1 + seed % 4)
    monkeypatch.setattr(intake_module, "LANES", 8)
    chance = random.Random(seed)
    database = Database(database_url, max_size=8)
    intake = Intake(database, lambda: (SECRET,))
    await intake.start()
    expected: dict[str, tuple[str, list[str], int]] = {}
    charges: set[tuple[str | None, ChargeFact]] = set()
    bodies: list[bytes] = []
    for plans in _examples(seed):
        history = tell(plans)
        names = {
            ORDER_ID: await insert_order(database_url, total=TOTAL),
            OTHER_ORDER_ID: await insert_order(database_url, total=TOTAL),
        }
        for order_id, derived in end_of(history).items():
            expected[names[order_id]] = (derived.status.value, derived.attention_codes, derived.amount_refunded)
        tag = uuid4().hex[:8]
        for owner, fact in charges_of(history):
            charges.add((names.get(owner or ""), tagged(fact, tag)))
        for event in history:
            text = json.dumps(event.object)
            for plain, name in names.items():
                text = text.replace(plain, name)
            for prefix in ("cs_", "pi_", "ch_", "re_", "dp_", "pm_", "issfr_"):
                text = text.replace(f'"{prefix}', f'"{prefix}{tag}')
            body = event_body(
                event.type,
                json.loads(text),
                event_id=f"{event.id}{tag}",
                created=event.created,
                livemode=event.livemode,
            )
            bodies += [body] * chance.choice([1, 1, 2])
    chance.shuffle(bodies)
    await asyncio.gather(*(deliver(intake, body) for body in bodies))
    await intake.close()
    await database.close()

    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT id, status, attention, amount_refunded FROM orders")
    payments = await connection.fetch("SELECT DISTINCT payment_id FROM charges")
    held = await connection.fetchval("SELECT load_charges($1)", exact(row["payment_id"] for row in payments))
    orders = await connection.fetch(
        "SELECT payment_id, charges.id, charges.livemode, order_id FROM charges"
        " LEFT JOIN orders ON orders.id = order_id"
        " WHERE (ordered_at, order_number) IS NOT DISTINCT FROM (orders.created_at, orders.number)"
    )
    broken = await connection.fetchval("SELECT count(*) FROM stripe_events WHERE status IN ('failed', 'dead')")
    await connection.close()
    assert {str(row["id"]): (row["status"], row["attention"], row["amount_refunded"]) for row in rows} == expected
    assert broken == 0
    order_of = {tuple(row)[:3]: row["order_id"] and str(row["order_id"]) for row in orders}
    facts = msgspec.json.decode(held, type=list[ChargeFact])
    assert {(order_of[fact.payment_id, fact.id, fact.livemode], fact) for fact in facts} == charges


def tagged(fact: ChargeFact, tag: str) -> ChargeFact:
    payment_id, charge_id = (f"{name[:3]}{tag}{name[3:]}" for name in (fact.payment_id, fact.id))
    return replace(fact, payment_id=payment_id, id=charge_id)


def _examples(seed: int) -> list[list[SessionPlan]]:
    """Return twenty histories, the same for the same seed."""
    found: list[list[SessionPlan]] = []

    @settings(
        max_examples=20,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(session_plans, min_size=1, max_size=4))
    def collect(plans: list[SessionPlan]) -> None:
        found.append(plans)

    from hypothesis import seed as seeded

    seeded(seed)(collect)()
    return found
