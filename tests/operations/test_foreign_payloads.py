"""With CHECKOUT_KEEP_FOREIGN=off nothing is kept of other systems' events, and nothing of our own is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.events.replaying import NotReplayed, replay
from checkout_daemon.ledger.facts import Link, LinkRank
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.operations.foreign_payloads import FOREIGN_HELD, drop_foreign_payloads
from checkout_daemon.operations.retention import drop_old_payloads
from checkout_daemon.runtime import Runtime
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, session_object

ORDER = "0a0a0a0a-0000-4000-8000-000000000001"
DAY = timedelta(days=1)


@pytest.fixture
async def intake(runtime: Runtime) -> AsyncIterator[Intake]:
    intake = Intake(runtime.database, lambda: (SECRET,))
    await intake.start()
    yield intake
    await intake.close()


def foreign(session_id: str, event_id: str, **fields: object) -> bytes:
    """A paid session that names no order."""
    made = session_object(ORDER, session_id, f"pi_{session_id}", **fields)
    return event_body(
        "checkout.session.completed", made | {"client_reference_id": None, "metadata": {}}, event_id=event_id
    )


async def payloads(connection: asyncpg.Connection) -> set[str]:
    return {row["event_id"] for row in await connection.fetch("SELECT event_id FROM stripe_event_payloads")}


async def drop(runtime: Runtime, later: timedelta) -> int:
    return await drop_foreign_payloads(runtime, datetime.now(UTC) + later)


async def test_a_foreign_event_goes_after_three_days_and_its_id_stays(
    runtime: Runtime, connection: asyncpg.Connection, intake: Intake, database_url: str
) -> None:
    await insert_order(database_url, ORDER)
    await deliver(
        intake, event_body("checkout.session.completed", session_object(ORDER, "cs_1", "pi_1"), event_id="evt_ours")
    )
    await deliver(intake, foreign("cs_2", "evt_theirs"))
    await deliver(
        intake, event_body("customer.created", {"id": "cus_1", "object": "customer"}, event_id="evt_unhandled")
    )
    assert (await drop(runtime, FOREIGN_HELD - DAY), await payloads(connection)) == (
        0,
        {"evt_ours", "evt_theirs", "evt_unhandled"},
    )
    assert (await drop(runtime, FOREIGN_HELD + DAY), await payloads(connection)) == (2, {"evt_ours"})
    assert await drop(runtime, FOREIGN_HELD + DAY) == 0

    await deliver(intake, foreign("cs_2", "evt_theirs"))  # again: it is known, and nothing is stored
    assert await payloads(connection) == {"evt_ours"}
    assert await connection.fetchval("SELECT count(*) FROM stripe_events") == 3
    with pytest.raises(NotReplayed, match="was deleted"):
        await replay(runtime.database, "evt_theirs", operator=Operator("ada", "shop1"))


@pytest.mark.parametrize("after", [FOREIGN_HELD - DAY, FOREIGN_HELD + DAY])
async def test_an_order_whose_link_comes_later_has_its_status_all_the_same(
    runtime: Runtime, connection: asyncpg.Connection, intake: Intake, database_url: str, after: timedelta
) -> None:
    await deliver(intake, foreign("cs_1", "evt_early", amount_total=5000))
    await drop(runtime, after)
    await insert_order(database_url, ORDER)
    await runtime.database.run(merge, [Update("test", "test", links=[Link("cs_1", ORDER, LinkRank.OURS)])])
    assert await connection.fetchval("SELECT status FROM orders") == "completed"
    event = await connection.fetchrow("SELECT status, order_id::text FROM stripe_events")
    assert event is not None
    assert tuple(event) == ("applied", ORDER)
    assert await payloads(connection) == ({"evt_early"} if after < FOREIGN_HELD else set())
    assert await drop(runtime, 2 * FOREIGN_HELD) == 0  # it is ours now


async def test_what_a_restore_lost_stays_and_what_failed_until_it_is_ignored(
    runtime: Runtime, connection: asyncpg.Connection, intake: Intake
) -> None:
    shop = await connection.fetchval("SELECT id::text FROM shop_identity")
    marks = {"order_id": ORDER, "attempt": "1", "number": "1007", "shop": shop}
    lost = session_object(ORDER, "cs_lost", "pi_lost") | {"client_reference_id": ORDER, "metadata": marks}
    await deliver(intake, event_body("checkout.session.completed", lost, event_id="evt_lost"))
    await deliver(intake, foreign("cs_2", "evt_failed"))
    await deliver(intake, foreign("cs_3", "evt_theirs"))
    await connection.execute("UPDATE stripe_events SET status = 'dead', reason = NULL WHERE id = 'evt_failed'")
    assert (await drop(runtime, 2 * FOREIGN_HELD), await payloads(connection)) == (1, {"evt_lost", "evt_failed"})
    await connection.execute("UPDATE stripe_events SET status = 'ignored', reason = 'no_order' WHERE id = 'evt_failed'")
    assert await drop(runtime, 2 * FOREIGN_HELD) == 0  # it was looked at today
    assert (await drop(runtime, 2 * FOREIGN_HELD + DAY), await payloads(connection)) == (1, {"evt_lost"})


async def test_events_of_another_account_wait_until_ours_is_known(
    runtime: Runtime, connection: asyncpg.Connection, intake: Intake
) -> None:
    await deliver(intake, foreign("cs_1", "evt_1"))
    await connection.execute("UPDATE stripe_events SET reason = 'other_account'")
    assert await drop(runtime, 2 * FOREIGN_HELD) == 0
    await connection.execute("INSERT INTO stripe_accounts (livemode, id) VALUES (false, 'acct_1')")
    assert await drop(runtime, 2 * FOREIGN_HELD + DAY) == 1


async def test_many_are_looked_at_once(runtime: Runtime, connection: asyncpg.Connection) -> None:
    await connection.execute(
        "WITH made AS (INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash)"
        " SELECT 'evt_' || n, 't', 'ignored', 'no_order', now() - interval '4 days' - n % 7 * interval '1 hour', ''"
        " FROM generate_series(1, 1203) AS n RETURNING id, received_at)"
        " INSERT INTO stripe_event_payloads SELECT id, received_at, '{}' FROM made"
    )
    assert await drop(runtime, timedelta()) == 1203
    assert await payloads(connection) == set()


@pytest.mark.parametrize("keep", [True, False])
async def test_the_job_does_it_only_with_the_setting(
    runtime: Runtime, connection: asyncpg.Connection, *, keep: bool
) -> None:
    await connection.execute(
        "WITH made AS (INSERT INTO stripe_events (id, type, status, reason, received_at, body_hash)"
        " VALUES ('evt_1', 't', 'ignored', 'no_order', now() - interval '4 days', '') RETURNING id, received_at)"
        " INSERT INTO stripe_event_payloads SELECT id, received_at, '{}' FROM made"
    )
    await connection.execute(
        "INSERT INTO charges (payment_id, id, livemode, created_at, status)"
        " VALUES ('ch_1', 'ch_1', false, now() - interval '4 days', 'succeeded')"
    )
    await drop_old_payloads(replace(runtime, settings=replace(runtime.settings, keep_foreign=keep)))
    assert await payloads(connection) == ({"evt_1"} if keep else set())
    assert await connection.fetchval("SELECT count(*) FROM charges") == (1 if keep else 0)
