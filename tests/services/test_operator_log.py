"""The operator log: who, what, why, before and after; and that no change of it goes unseen."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from checkout_daemon.errors import InvalidRequest, NotFound
from checkout_daemon.jobs.anchoring import anchor_log
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.merge import Telling, merge
from checkout_daemon.services.operator_log import verify
from checkout_daemon.services.operators import Operator, this_operator
from checkout_daemon.services.reading import show_order
from checkout_daemon.services.remarks import NothingToAcknowledge, acknowledge, note_order
from checkout_daemon.store import operator_log as store
from tests.support.payments import paid
from tests.support.stripe_events import insert_order

ADA = Operator("ada", "shop1")


@pytest.fixture
async def order_id(database_url: str) -> str:
    return await insert_order(database_url)


@pytest.fixture
async def unguarded(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who may do anything to the tables, also past the triggers."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_a_note_is_in_the_order_s_history_and_in_the_log(runtime: Runtime, order_id: str) -> None:
    await note_order(runtime.database, order_id, "  called: pays on Friday ", operator=ADA)
    (change,) = (await show_order(runtime.database, order_id)).changes
    assert (change.cause, change.actor, change.note) == ("order.noted", "ada@shop1", "called: pays on Friday")
    assert change.from_status == change.to_status == "pending"
    async with runtime.database.connection() as connection:
        (entry,) = await store.read_entries(connection, order_id)
    assert (entry.kind, entry.operator, entry.host) == ("order.noted", "ada", "shop1")
    assert (
        json.loads(entry.before)
        == json.loads(entry.after)
        == {
            "amount_refunded": 0,
            "attention": [],
            "status": "pending",
        }
    )
    assert "Friday" in (entry.personal or "")
    assert (await verify(runtime.database)).faults == []


async def test_an_acknowledged_attention_ends_and_a_later_one_asks_again(runtime: Runtime, order_id: str) -> None:
    async def tell(*tellings: Telling) -> None:
        await runtime.database.run(lambda connection: merge(connection, tellings))

    await tell(paid(order_id, "pi_1", "pi_2"))
    with pytest.raises(NothingToAcknowledge, match=r"order 1001 does not ask for dispute_lost; it asks for paid_twice"):
        await acknowledge(runtime.database, order_id, "dispute_lost", operator=ADA)
    done = await acknowledge(runtime.database, order_id, "paid_twice", operator=ADA, note="asked them")
    assert (done.subjects, done.order.attention, done.order.status) == (("pi_1,pi_2",), (), "completed")
    with pytest.raises(NothingToAcknowledge):
        await acknowledge(runtime.database, order_id, "paid_twice", operator=ADA)
    await tell(paid(order_id, "pi_3"))
    assert (await show_order(runtime.database, order_id)).order.attention == ("paid_twice",)
    async with runtime.database.connection() as connection:
        (entry,) = await store.read_entries(connection, order_id)
    assert [json.loads(each)["attention"] for each in (entry.before, entry.after)] == [["paid_twice"], []]


async def test_nothing_is_recorded_of_what_is_refused(runtime: Runtime, order_id: str) -> None:
    with pytest.raises(InvalidRequest):
        await note_order(runtime.database, order_id, "two\0lines", operator=ADA)
    with pytest.raises(InvalidRequest):
        await note_order(runtime.database, order_id, "  ", operator=ADA)
    with pytest.raises(NotFound):
        await note_order(runtime.database, "00000000-0000-0000-0000-000000000000", "x", operator=ADA)
    with pytest.raises(NothingToAcknowledge):
        await acknowledge(runtime.database, order_id, "amount_mismatch", operator=ADA)
    assert (await verify(runtime.database)).entries == 0


async def test_twenty_notes_at_once_are_one_chain_and_two_daemons_anchor_it_once(
    runtime: Runtime, order_id: str, connection: asyncpg.Connection
) -> None:
    await asyncio.gather(
        *(note_order(runtime.database, order_id, f"note {number}", operator=ADA) for number in range(20))
    )
    await asyncio.gather(anchor_log(runtime), anchor_log(runtime))
    report = await verify(runtime.database)
    assert (report.orders, report.entries, report.anchors, report.faults) == (1, 20, 1, [])
    assert report.last_anchor == (await connection.fetchval("SELECT encode(hash, 'hex') FROM anchors"))
    assert await anchor_log(runtime) == 0


async def test_erasing_the_notes_leaves_the_chain_whole(runtime: Runtime, order_id: str) -> None:
    await note_order(runtime.database, order_id, "a secret of Ada's", operator=ADA)
    await anchor_log(runtime)
    async with runtime.database.transaction() as connection:
        await store.blank_personal(connection, order_id)
        (entry,) = await store.read_entries(connection, order_id)
    assert (entry.personal, entry.salt) == (None, None)
    assert (await verify(runtime.database)).faults == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE operator_log SET kind = 'other'",
        "UPDATE operator_log SET personal = '{}', salt = '1'",
        "UPDATE operator_log SET personal = NULL, salt = NULL, host = 'other'",
        "DELETE FROM operator_log",
        "TRUNCATE operator_log CASCADE",
        "DELETE FROM orders",
    ],
)
async def test_the_log_cannot_be_changed(
    runtime: Runtime, order_id: str, connection: asyncpg.Connection, statement: str
) -> None:
    await note_order(runtime.database, order_id, "kept", operator=ADA)
    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.ForeignKeyViolationError)):
        await connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE operator_log SET operator = 'bob' WHERE number = 2", "entry 2 of order .* was changed"),
        ("UPDATE operator_log SET after = '{}' WHERE number = 1", "entry 1 of order .* was changed"),
        ('UPDATE operator_log SET personal = \'{"note":"other"}\' WHERE number = 2', "note of entry 2 .* changed"),
        ("DELETE FROM operator_log WHERE number = 2", "what came before entry 3"),
        ("DELETE FROM operator_log WHERE number = 3", "entry 3 .* was removed"),
        ("DELETE FROM operator_log; DELETE FROM operator_log_heads", "entry 3 .* was removed"),
        ("DELETE FROM operator_log_heads", "was not put in"),
        ("UPDATE anchors SET at = now() WHERE number = 1", "anchor 1 was changed"),
        ("DELETE FROM anchored_heads WHERE anchor = 1", "anchor 1 was changed"),
        ("DELETE FROM anchors WHERE number = 1", "before anchor 2 is missing"),
    ],
)
async def test_what_was_changed_past_the_triggers_is_found(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection, statement: str, said: str
) -> None:
    for number in (1, 2):
        await note_order(runtime.database, order_id, f"note {number}", operator=ADA)
    await anchor_log(runtime)
    await note_order(runtime.database, order_id, "note 3", operator=ADA)
    await anchor_log(runtime)
    await unguarded.execute(statement)
    faults = (await verify(runtime.database)).faults
    assert re.search(said, "; ".join(faults))


def test_the_operator_is_who_runs_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    operator = this_operator()
    assert operator.user
    assert operator.host
    assert operator.user != "somebody-else"


@pytest.mark.parametrize(
    ("uid", "sudo_uid", "user"),
    [
        (0, "1", f"root (sudo: {pwd.getpwuid(1).pw_name})"),
        (0, "4000000000", "root (sudo: 4000000000)"),
        (0, "", "root"),
        (0, "0", "root"),
        (0, "1; drop", "root"),
        (1, "0", pwd.getpwuid(1).pw_name),
    ],
)
def test_root_stays_root_whatever_it_claims(
    monkeypatch: pytest.MonkeyPatch, uid: int, sudo_uid: str, user: str
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setenv("SUDO_UID", sudo_uid)
    assert this_operator().user == user
