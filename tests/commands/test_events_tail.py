"""`checkout events tail`: each event as it arrives, and again when a failed one is retried."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import asyncpg

from checkout_daemon.ledger.apply import retry_due_events
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.runtime import open_runtime
from checkout_daemon.settings import load_settings
from tests.commands.conftest import go
from tests.commands.test_events_replay import BROKEN, FIXED, MAKE_DUE
from tests.commands.test_orders_watch import cut_listeners, program
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, refund_object, session_object

# Past what is read again anyway: from here on only what failed is looked at.
LONG_AGO = """
    UPDATE stripe_events SET received_at = received_at - interval '1 hour' WHERE id = 'evt_refund';
    UPDATE stripe_event_payloads SET received_at = received_at - interval '1 hour' WHERE event_id = 'evt_refund';
"""


async def take(url: str, *bodies: bytes) -> None:
    settings = load_settings({"DATABASE_URL": url})
    async with open_runtime(settings) as runtime:
        intake = Intake(runtime.database, lambda: (SECRET,))
        await intake.start()
        for body in bodies:
            await deliver(intake, body)
        await intake.close()


async def sql(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def retry(url: str) -> None:
    async with open_runtime(load_settings({"DATABASE_URL": url})) as runtime:
        await retry_due_events(runtime.database)


def test_each_event_is_printed_once_and_again_when_it_changes(database_url: str, tmp_path: Path) -> None:
    order_id = go(insert_order(database_url))
    paid = event_body("checkout.session.completed", session_object(order_id, "cs_1", "pi_1"), event_id="evt_paid")
    refund = event_body("refund.created", refund_object("re_1", "pi_1", 1300), event_id="evt_refund")
    unknown = event_body("account.updated", {"id": "acct_1"}, event_id="evt_unknown")
    go(take(database_url, event_body("account.updated", {"id": "acct_1"}, event_id="evt_before")))
    with program(database_url, tmp_path, "events", "tail", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Watching" in process.stderr.readline()
        go(sql(database_url, BROKEN))
        go(take(database_url, paid, paid, unknown, refund))
        come = [json.loads(process.stdout.readline()) for _ in range(3)]
        go(cut_listeners(database_url))
        assert "trying again" in process.stderr.readline()
        go(sql(database_url, FIXED))
        go(sql(database_url, LONG_AGO))
        go(sql(database_url, MAKE_DUE))
        go(retry(database_url))
        again = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stdout.read() == ""
    assert [(event["id"], event["status"]) for event in come] == [
        ("evt_paid", "applied"),
        ("evt_unknown", "ignored"),
        ("evt_refund", "failed"),
    ]
    assert (again["id"], again["status"], again["attempts"]) == ("evt_refund", "applied", 2)


def test_filters_hold_for_what_comes_and_since_for_what_was(database_url: str, tmp_path: Path) -> None:
    order_id, other = go(insert_order(database_url)), go(insert_order(database_url))
    bodies = [
        event_body("checkout.session.completed", session_object(paid_order, f"cs_{n}", f"pi_{n}"), event_id=f"evt_{n}")
        for n, paid_order in enumerate((other, order_id))
    ]
    go(take(database_url, *bodies))
    arguments = ("--since", "1h", "--order", "1001", "--type", "checkout.session.completed", "--status", "applied")
    with program(database_url, tmp_path, "events", "tail", *arguments) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    assert line.rstrip().endswith("checkout.session.completed  evt_1  #1001  applied")
