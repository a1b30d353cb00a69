"""The audit log records who did what and why, with the state before and after, and every change of it is noticed."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit import audit_store as store
from checkout_daemon.audit.anchors import publish_anchors, read_published
from checkout_daemon.audit.audit_log import anchor, anchor_log, verify
from checkout_daemon.audit.chain import (
    FIRST_PREV_HASH,
    Anchor,
    AuditEntry,
    AuditKeys,
    Head,
    hash_anchor,
    hash_entry,
    key_id_of,
)
from checkout_daemon.audit.operators import Operator, this_operator
from checkout_daemon.errors import ConfigurationError, InvalidRequest, NotFound
from checkout_daemon.ledger.merge import Update, merge
from checkout_daemon.orders.notes import NothingToAcknowledge, acknowledge, note_order
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.runtime import Runtime
from tests.support.payments import paid
from tests.support.stripe_events import insert_order

ADA = Operator("ada", "shop1")
KEY, OTHER_KEY = "0123456789abcdef" * 2, "fedcba9876543210" * 2


@pytest.fixture
async def order_id(database_url: str) -> str:
    return await insert_order(database_url)


@pytest.fixture
async def unguarded(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection that may change the tables without the triggers."""
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
    async def tell(*updates: Update) -> None:
        await runtime.database.run(merge, updates)

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
    assert [json.loads(state)["attention"] for state in (entry.before, entry.after)] == [["paid_twice"], []]


async def test_a_refused_action_is_not_recorded(runtime: Runtime, order_id: str) -> None:
    with pytest.raises(InvalidRequest):
        await note_order(runtime.database, order_id, "two\0lines", operator=ADA)
    with pytest.raises(InvalidRequest):
        await note_order(runtime.database, order_id, "  ", operator=ADA)
    with pytest.raises(NotFound):
        await note_order(runtime.database, "00000000-0000-0000-0000-000000000000", "x", operator=ADA)
    with pytest.raises(NothingToAcknowledge):
        await acknowledge(runtime.database, order_id, "amount_mismatch", operator=ADA)
    assert (await verify(runtime.database)).entries == 0


async def test_twenty_concurrent_notes_make_one_chain_and_two_daemons_anchor_it_once(
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
    ("statement", "fault"),
    [
        ("UPDATE operator_log SET operator = 'bob' WHERE number = 2", "entry 2 of order .* was changed"),
        ("UPDATE operator_log SET after = '{}' WHERE number = 1", "entry 1 of order .* was changed"),
        ('UPDATE operator_log SET personal = \'{"note":"other"}\' WHERE number = 2', "note of entry 2 .* changed"),
        ("DELETE FROM operator_log WHERE number = 2", "what came before entry 3"),
        ("DELETE FROM operator_log WHERE number = 3", "entry 3 .* was removed"),
        ("DELETE FROM operator_log; DELETE FROM operator_log_heads", "entry 3 .* was removed"),
        ("TRUNCATE operator_log, operator_log_heads CASCADE", "entry 3 .* was removed"),
        (
            "UPDATE operator_log SET number = 100 - number WHERE number < 3;"
            " UPDATE operator_log SET number = number - 97 WHERE number > 50",
            "entry 1 of order .* does not follow the one before it",
        ),
        (
            "CREATE TEMP TABLE forged AS SELECT * FROM operator_log WHERE number = 3;"
            " UPDATE forged SET number = 4, prev_hash = hash; INSERT INTO operator_log SELECT * FROM forged",
            "entry 4 of order .* was changed",
        ),
        ("DELETE FROM operator_log_heads", "was not inserted"),
        ("UPDATE anchors SET at = now() WHERE number = 1", "anchor 1 was changed"),
        ("DELETE FROM anchored_heads WHERE anchor = 1", "anchor 1 was changed"),
        ("DELETE FROM anchors WHERE number = 1", "before anchor 2 is missing"),
    ],
)
async def test_a_change_that_bypasses_the_triggers_is_found(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection, statement: str, fault: str
) -> None:
    for number in (1, 2):
        await note_order(runtime.database, order_id, f"note {number}", operator=ADA)
    await anchor_log(runtime)
    await note_order(runtime.database, order_id, "note 3", operator=ADA)
    await anchor_log(runtime)
    await unguarded.execute(statement)
    faults = (await verify(runtime.database)).faults
    assert re.search(fault, "; ".join(faults))


async def worked(runtime: Runtime, order_id: str, *keys: str) -> None:
    """Log three actions and anchor them."""
    await runtime.database.run(merge, paid_twice(order_id))
    await note_order(runtime.database, order_id, "one", operator=ADA)
    await note_order(runtime.database, order_id, "two", operator=ADA)
    await acknowledge(runtime.database, order_id, "paid_twice", operator=ADA)
    await anchor(runtime.database, AuditKeys(keys))


def paid_twice(order_id: str) -> list[Update]:
    return [paid(order_id, "pi_1", "pi_2")]


async def write_anew(connection: asyncpg.Connection, *, operator: str) -> None:
    """Rewrite all chains and anchors with the program's own functions, without a key."""
    rows = await connection.fetch("SELECT * FROM operator_log ORDER BY number")
    prev, heads = FIRST_PREV_HASH, {}
    for row in rows:
        columns = {name: row[name] for name in AuditEntry.__struct_fields__}
        entry = AuditEntry(**columns | {"order_id": str(row["order_id"]), "operator": operator, "prev_hash": prev})
        prev = heads[row["number"]] = hash_entry(entry)
        await connection.execute(
            "UPDATE operator_log SET operator = $2, prev_hash = $3, hash = $4 WHERE number = $1",
            *(entry.number, operator, entry.prev_hash, prev),
        )
    await connection.execute("UPDATE operator_log_heads SET hash = $1", prev)
    before = FIRST_PREV_HASH
    for number, digest in heads.items():
        await connection.execute("UPDATE anchored_heads SET hash = $2 WHERE number = $1", number, digest)
    for row in await connection.fetch("SELECT * FROM anchors ORDER BY number"):
        held = await connection.fetch("SELECT * FROM anchored_heads WHERE anchor = $1", row["number"])
        moved = [Head(str(head["order_id"]), head["number"], head["hash"]) for head in held]
        made = Anchor(row["number"], row["at"], before, b"", moved)
        before = hash_anchor(made)
        await connection.execute(
            "UPDATE anchors SET prev_hash = $2, hash = $3, key_id = NULL WHERE number = $1",
            *(made.number, made.prev_hash, before),
        )


async def forget_everything(connection: asyncpg.Connection) -> None:
    for table in ("anchored_heads", "anchors", "operator_log", "operator_log_heads"):
        await connection.execute(f"DELETE FROM {table}")


async def forget_traces(connection: asyncpg.Connection) -> None:
    for table in ("acts", "order_changes"):
        await connection.execute(f"DELETE FROM {table}")


async def test_a_log_rewritten_with_our_own_functions_is_found_by_the_traces_of_actions(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection
) -> None:
    await worked(runtime, order_id)
    assert (await verify(runtime.database)).faults == []
    await write_anew(unguarded, operator="mallory")
    assert re.search("order.noted by mallory@shop1", "; ".join((await verify(runtime.database)).faults))


async def test_a_deleted_log_is_found_by_the_traces_of_actions(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection
) -> None:
    await worked(runtime, order_id)
    await forget_everything(unguarded)
    report = await verify(runtime.database)
    assert report.entries == 0
    assert re.search("2 x order.noted by ada@shop1 in its changes, the log has 0", "; ".join(report.faults))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE order_changes SET actor = 'nobody' WHERE cause = 'order.noted'",
        "UPDATE order_changes SET actor = 'eve@shop1' WHERE cause = 'order.noted'",
        "DELETE FROM order_changes WHERE cause = 'order.acknowledged'",
        "UPDATE acts SET actor = 'eve@shop1'",
        "DELETE FROM acts WHERE kind = 'acknowledged'",
        "INSERT INTO acts (order_id, kind, actor) SELECT id, 'canceled', 'eve@shop1' FROM orders",
    ],
)
async def test_a_change_of_the_traces_of_actions_is_found(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection, statement: str
) -> None:
    await worked(runtime, order_id)
    await unguarded.execute(statement)
    assert (await verify(runtime.database)).faults


async def test_nobody_without_the_key_can_rewrite_the_log(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection
) -> None:
    await worked(runtime, order_id, KEY)
    await forget_traces(unguarded)
    good, other = AuditKeys((KEY,)), AuditKeys((OTHER_KEY, KEY))
    traces = set((await verify(runtime.database)).faults)
    assert any("signed with key" in fault for fault in traces)  # without the key nobody can verify the log
    assert not any("anchor" in fault for fault in (await verify(runtime.database, good)).faults)
    assert not any("anchor" in fault for fault in (await verify(runtime.database, other)).faults)
    await write_anew(unguarded, operator="mallory")
    assert "anchor 1 is not signed with CHECKOUT_AUDIT_KEY" in (await verify(runtime.database, good)).faults
    await unguarded.execute("UPDATE anchors SET key_id = $1", key_id_of(KEY))
    assert "anchor 1 was changed" in (await verify(runtime.database, good)).faults


async def test_introducing_and_rotating_a_key_keeps_older_anchors_valid(
    runtime: Runtime, order_id: str, connection: asyncpg.Connection
) -> None:
    await worked(runtime, order_id)
    begun = datetime.now(UTC)
    assert (await verify(runtime.database, AuditKeys((KEY,)))).faults == [
        "anchor 1 is not signed with CHECKOUT_AUDIT_KEY"
    ]
    assert (await verify(runtime.database, AuditKeys((KEY,), begun))).faults == []
    assert await anchor(runtime.database, AuditKeys((KEY,))) == 1  # signs the entries that exist
    await note_order(runtime.database, order_id, "three", operator=ADA)
    assert await anchor(runtime.database, AuditKeys((OTHER_KEY, KEY))) == 1
    assert (await verify(runtime.database, AuditKeys((OTHER_KEY, KEY), begun))).faults == []
    ids = await connection.fetch("SELECT key_id FROM anchors ORDER BY number")
    assert [row["key_id"] for row in ids] == [None, key_id_of(KEY), key_id_of(OTHER_KEY)]


async def test_published_anchors_show_what_was_removed_or_rewritten(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "anchors"
    await worked(runtime, order_id)
    assert await publish_anchors(runtime.database, path) == 1
    await note_order(runtime.database, order_id, "three", operator=ADA)
    await anchor(runtime.database)
    assert (await publish_anchors(runtime.database, path), await publish_anchors(runtime.database, path)) == (1, 0)
    assert path.stat().st_mode & 0o777 == 0o600

    async def faults() -> str:
        return "; ".join((await verify(runtime.database, None, read_published(path))).faults)

    assert await faults() == ""
    await forget_traces(unguarded)
    await write_anew(unguarded, operator="mallory")
    assert f"anchor 1 is not the one in {path}" in await faults()
    await forget_everything(unguarded)
    assert f"anchor 2 is in {path} and not in the database" in await faults()


async def test_a_file_of_anchors_that_was_tampered_with_is_found(
    runtime: Runtime, order_id: str, unguarded: asyncpg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "anchors"
    await worked(runtime, order_id)
    assert "cannot be read" in read_published(path).faults[0]
    await unguarded.execute("UPDATE anchors SET at = at - interval '1 hour'")
    path.write_text("")
    assert "1 anchor is not in" in "; ".join((await verify(runtime.database, None, read_published(path))).faults)
    path.write_text('{"anchor": 1, "at')
    await publish_anchors(runtime.database, path)
    assert read_published(path).faults == (f"line 1 of {path} is not an anchor",)
    assert list(read_published(path).hashes) == [1]
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "precious")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await publish_anchors(runtime.database, link)


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
    monkeypatch.setenv("CHECKOUT_OPERATOR", "anna")
    assert this_operator().user == f"{user} (as anna)"
