"""`checkout events replay`: events that failed are retried, dead, and applied after the fault is fixed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer

from checkout_daemon.app import create_app
from checkout_daemon.backoff import EVENT_TRIES
from checkout_daemon.ledger.apply import retry_due_events
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.commands.conftest import Run, faults_of_log, go
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, refund_object, session_object, signed

BROKEN = "ALTER TABLE refunds ADD CONSTRAINT planted CHECK (amount <> 1300)"
FIXED = "ALTER TABLE refunds DROP CONSTRAINT planted"
MAKE_DUE = "UPDATE stripe_events SET next_attempt_at = now() - interval '1 second' WHERE status = 'failed'"


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Any:
    """Run SQL on a shop with three paid orders; the refund events of two of them are dead."""

    async def sql(*statements: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database_url)
        rows = [await connection.fetch(statement) for statement in statements][-1]
        await connection.close()
        return list(rows)

    async def fail() -> None:
        await sql(BROKEN)
        orders = [await insert_order(database_url) for _ in range(3)]
        settings = load_settings({"DATABASE_URL": database_url, "STRIPE_API_KEY": "sk_test_none"}, cwd=tmp_path)
        async with open_runtime(settings) as runtime:
            intake = Intake(runtime.database, lambda: (SECRET,))
            await intake.start()
            for place, order_id in enumerate(orders):
                session = session_object(order_id, f"cs_{place}", f"pi_{place}")
                await deliver(intake, event_body("checkout.session.completed", session, event_id=f"evt_paid{place}"))
            for place, amount in enumerate((1300, 1300, 1200)):
                refund = refund_object(f"re_{place}", f"pi_{place}", amount)
                await deliver(intake, event_body("refund.created", refund, event_id=f"evt_refund{place}"))
            await deliver(intake, event_body("refund.created", {"id": 7}, event_id="evt_unreadable"))
            await intake.close()
            for _ in range(EVENT_TRIES):
                await sql(MAKE_DUE)
                await retry_due_events(runtime.database)

    go(fail())
    return lambda *statements: go(sql(*statements))


def statuses(run: Run) -> dict[str, str]:
    return {line["id"]: line["status"] for line in run("events", "list", "--json").lines}


def test_what_failed_for_one_cause_is_shown_and_replayed_together_and_hurts_no_neighbour(run: Run, shop: Any) -> None:
    dead = run("events", "list", "--status", "dead", "--json").lines
    fingerprints = {event["id"]: event["fingerprint"] for event in dead}
    cause = fingerprints["evt_refund0"]
    shown = run("events", "show", "evt_refund0")
    listed = run("events", "list", "--status", "dead")
    assert set(fingerprints) == {"evt_refund0", "evt_refund1", "evt_unreadable"}
    assert fingerprints["evt_refund1"] == cause != fingerprints["evt_unreadable"]
    assert "CheckViolationError (planted) while it was applied, in ledger.writes" in shown.out
    assert cause in shown.out
    assert "2 × CheckViolationError" in listed.err
    assert f"checkout events replay --fingerprint {cause}" in listed.err

    still_broken = run("events", "replay", "--fingerprint", cause, "--yes", "--json")
    assert (still_broken.code, [line["id"] for line in still_broken.lines]) == (1, ["evt_refund0"])
    assert "Batch 1: 0 done, 1 failed, 0 skipped, 1 left." in still_broken.err
    assert "checkout batches resume 1" in still_broken.err

    shop(FIXED)
    refused = run("events", "replay", "--fingerprint", cause)
    done = run("events", "replay", "--fingerprint", cause, "--yes", "--note", "fixed", "--json")
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert done.code == 0
    assert [(line["id"], line["before"], line["status"], line["to"]) for line in done.lines] == [
        ("evt_refund0", "dead", "applied", "partially_refunded"),
        ("evt_refund1", "dead", "applied", "partially_refunded"),
    ]
    assert statuses(run) == {
        **{f"evt_paid{place}": "applied" for place in range(3)},
        **{f"evt_refund{place}": "applied" for place in range(3)},
        "evt_unreadable": "dead",
    }
    assert {tuple(row) for row in shop("SELECT kind, details FROM operator_log")} == {
        ("event.replayed", '{"batch":2,"event":"evt_refund0"}'),
        ("event.replayed", '{"batch":2,"event":"evt_refund1"}'),
    }


def test_what_is_dead_is_listed_with_the_order_that_its_payload_names(run: Run, shop: Any) -> None:
    numbers = {line["id"]: line["number"] for line in run("events", "list", "--json").lines}
    assert [numbers[f"evt_refund{place}"] for place in range(3)] == [1001, 1002, 1003]
    assert numbers["evt_unreadable"] is None
    line = next(line for line in run("events", "list", "--status", "dead").out.splitlines() if "evt_refund1" in line)
    assert line.split()[1:5] == ["dead", "1002", "refund.created", "evt_refund1"]
    assert run("events", "show", "evt_refund1", "--json").json["number"] == 1002


def test_events_that_were_not_applied_are_selected_by_the_order_that_their_payload_names(run: Run, shop: Any) -> None:
    def found(*options: object) -> list[str]:
        return [line["id"] for line in run("events", "list", "--json", *options).lines]

    assert found("--order", 1001) == ["evt_refund0", "evt_paid0"]
    assert found("--order", 1001, "--status", "dead") == ["evt_refund0"]
    assert found("--order", 1001, "--type", "refund.created", "--limit", 1) == ["evt_refund0"]
    assert found("--order", 1003, "--status", "dead") == []
    dismissed = run("events", "dismiss", "--order", 1002, "--status", "dead", "--note", "old", "--yes")
    assert (dismissed.code, dismissed.out) == (0, "evt_refund1  dismissed\n")
    assert found("--order", 1002, "--status", "dismissed") == ["evt_refund1"]
    shop(FIXED)
    replayed = run("events", "replay", "--order", 1001, "--status", "dead", "--yes", "--json")
    assert [(line["id"], line["number"], line["status"]) for line in replayed.lines] == [
        ("evt_refund0", 1001, "applied")
    ]
    assert found("--order", 1001) == ["evt_refund0", "evt_paid0"]
    assert found("--order", 1001, "--status", "dead") == []


def test_a_dead_event_is_dismissed_with_a_reason_and_is_back_if_it_fails_again(
    run: Run, shop: Any, database_url: str
) -> None:
    assert run("events", "dismiss", "evt_unreadable").code == 2
    refused = run("events", "dismiss", "evt_unreadable", "evt_paid0", "--note", "sent by hand")
    assert (refused.code, "event evt_paid0 is applied, not dead" in refused.err) == (4, True)
    assert statuses(run)["evt_unreadable"] == "dead"
    done = run("events", "dismiss", "evt_unreadable", "--note", "sent by hand", "--json").json
    assert (done["id"], done["status"]) == ("evt_unreadable", "dismissed")
    shown = run("events", "show", "evt_unreadable").out
    assert ": sent by hand\n" in shown
    assert "Error" in shown
    assert {line["id"] for line in run("events", "list", "--status", "dead", "--json").lines} == {
        "evt_refund0",
        "evt_refund1",
    }
    assert [line["id"] for line in run("events", "list", "--status", "dismissed", "--json").lines] == ["evt_unreadable"]
    # Its entry is in the audit log, in a chain of what is about no order, which is verified as every other.
    assert [tuple(row) for row in shop("SELECT order_id::text, kind, details, before FROM operator_log")] == [
        ("00000000-0000-0000-0000-000000000000", "event.dismissed", '{"event":"evt_unreadable"}', "{}")
    ]
    assert faults_of_log(database_url) == []
    again = run("events", "replay", "evt_unreadable")
    assert (again.code, "checkout events dismiss evt_unreadable" in again.err) == (1, True)
    assert statuses(run)["evt_unreadable"] == "dead"


def test_dead_events_of_one_cause_are_dismissed_together_and_still_applied_when_replayed(run: Run, shop: Any) -> None:
    dead = run("events", "list", "--status", "dead", "--json").lines
    cause = next(event["fingerprint"] for event in dead if event["id"] == "evt_refund0")
    asked = run("events", "dismiss", "--fingerprint", cause, "--note", "refunded twice")
    assert (asked.code, "Dismiss 2 dead events, about " in asked.err) == (2, True)
    done = run("events", "dismiss", "--fingerprint", cause, "--note", "refunded twice", "--yes")
    assert (done.code, done.out) == (0, "evt_refund0  dismissed\nevt_refund1  dismissed\n")
    assert "No dead event matches" in run("events", "dismiss", "--fingerprint", cause, "--note", "x").err
    shop(FIXED)
    assert run("events", "replay", "evt_refund0").code == 0
    assert statuses(run) | {"evt_refund0": "applied", "evt_refund1": "dismissed"} == statuses(run)


def test_replaying_what_was_applied_changes_nothing(run: Run, shop: Any) -> None:
    before = run("orders", "show", "1001", "--json").json
    ran = run("events", "replay", "evt_paid0", "evt_paid1")
    after = run("orders", "show", "1001", "--json").json
    assert (ran.code, "2 done, 0 failed" in ran.err) == (0, True)
    assert "evt_paid0 applied to #1001: still completed" in ran.out
    assert {key: before[key] for key in ("status", "payments", "changes")} == {
        key: after[key] for key in ("status", "payments", "changes")
    }


def test_an_event_that_was_applied_stays_so_where_it_would_fail_now(run: Run, shop: Any) -> None:
    shop("DELETE FROM refunds WHERE amount = 1200", "ALTER TABLE refunds ADD CONSTRAINT worse CHECK (amount <> 1200)")
    ran = run("events", "replay", "evt_refund2")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "it stays applied" in ran.err
    assert statuses(run)["evt_refund2"] == "applied"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["evt_none"], 3, "does not exist"),
        ([], 2, "--status dead"),
        (["evt_paid0", "--status", "dead"], 2, "not both"),
        (["--status", "failed", "--yes"], 0, "No event matches"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_the_reason(
    run: Run, shop: Any, arguments: list[str], code: int, message: str
) -> None:
    ran = run("events", "replay", *arguments)
    assert (ran.code, message in ran.err) == (code, True)


def test_without_its_payload_an_event_cannot_be_replayed_and_stays_as_it_was(run: Run, shop: Any) -> None:
    shop("DELETE FROM stripe_event_payloads")
    ran = run("events", "replay", "evt_paid0")
    assert (ran.code, "was deleted" in ran.err) == (1, True)
    assert statuses(run)["evt_paid0"] == "applied"


def test_stripe_gets_its_200_though_a_handler_fails_and_the_operator_sees_when_it_is_tried_again(
    run: Run, database_url: str
) -> None:
    """Deliver over HTTP: a stored event is acknowledged, whatever its outcome."""

    async def fail() -> list[int]:
        connection = await asyncpg.connect(database_url)
        await connection.execute(BROKEN)
        await connection.close()
        order_id = await insert_order(database_url)
        environ = {"DATABASE_URL": database_url, "STRIPE_API_KEY": "sk_test_none", "STRIPE_WEBHOOK_SECRET": SECRET}
        bodies = [
            event_body("refund.created", refund_object("re_1", "pi_1", 1300), event_id="evt_refund"),
            event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"), event_id="evt_paid"),
        ]
        async with TestClient(TestServer(create_app(load_settings(environ)))) as client:

            async def post(body: bytes) -> int:
                headers = {"Stripe-Signature": signed(body)}
                async with client.post("/api/webhook", data=body, headers=headers) as answer:
                    return answer.status

            return list(await asyncio.gather(*map(post, bodies)))

    assert go(fail()) == [200, 200]
    shown = run("events", "show", "evt_refund", "--json").json
    assert (shown["status"], shown["attempts"], shown["last_error"].split()[0]) == (
        "failed",
        1,
        "CheckViolationError",
    )
    assert shown["next_attempt_at"] > shown["received_at"]
    assert "Next" in run("events", "show", "evt_refund").out
    assert run("orders", "show", "1001", "--json").json["status"] == "completed"
