"""`checkout events list` and `show`, for people and for scripts."""

from __future__ import annotations

import json

import asyncpg
import pytest

from checkout_daemon.commands.events_options import EVENT_STATUSES
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
from tests.commands.conftest import Run, constraint_values, go
from tests.commands.test_orders import EVENT_KEYS
from tests.support.stripe_events import SECRET, deliver, event_body, insert_order, session_object


@pytest.fixture
def paid(database_url: str) -> str:
    """Return the id of an order paid by evt_paid; there is also evt_odd, of a type that is not used."""

    async def work() -> str:
        order_id = await insert_order(database_url)
        database = Database(database_url, max_size=2)
        intake = Intake(database, lambda: (SECRET,))
        await intake.start()
        session = session_object(order_id, "cs_test_1", "pi_1")
        await deliver(intake, event_body("checkout.session.completed", session, event_id="evt_paid"))
        await deliver(intake, event_body("price.created", {"id": "price_1\x1b[2J\x9b31m\u202e"}, event_id="evt_odd"))
        await intake.close()
        await database.close()
        return order_id

    return str(go(work()))


def test_events_are_listed_with_the_keys_of_the_contract(run: Run, paid: str) -> None:
    odd, applied = run("events", "list", "--json").lines
    assert list(applied) == EVENT_KEYS
    assert (applied["id"], applied["status"], applied["order_id"]) == ("evt_paid", "applied", paid)
    assert (odd["id"], odd["status"]) == ("evt_odd", "ignored")
    assert odd["reason"]


def test_events_are_filtered(run: Run, paid: str) -> None:
    def found(*arguments: str) -> list[str]:
        return [line["id"] for line in run("events", "list", "--json", *arguments).lines]

    assert found("--status", "ignored") == ["evt_odd"]
    assert found("--type", "checkout.session.completed") == ["evt_paid"]
    assert found("--order", "cs_test_1") == ["evt_paid"]
    assert found("--since", "1h", "--limit", "1") == ["evt_odd"]
    assert run("events", "list", "--order", "4711").code == 3


def test_the_table_of_events_has_whole_ids_and_fits(run: Run, paid: str) -> None:
    ran = run("events", "list")
    assert "evt_paid" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_an_event_is_shown_with_its_payload(run: Run, paid: str) -> None:
    shown = run("events", "show", "evt_paid", "--json")
    assert list(shown.json) == [*EVENT_KEYS, "payload"]
    assert shown.json["payload"]["data"]["object"]["id"] == "cs_test_1"
    assert shown.out.count("\n") == 1
    page = run("events", "show", "evt_odd").out
    assert '"object": "event"' in page
    assert "\x1b" not in page
    encoded = run("events", "show", "evt_odd", "--json")
    assert encoded.json["payload"]["data"]["object"]["id"] == "price_1\x1b[2J\x9b31m\u202e"
    assert not set(encoded.out) & set("\x1b\x9b\u202e")


def test_a_list_has_payloads_where_they_are_asked_for(run: Run, paid: str, database_url: str) -> None:
    go(_delete_payload(database_url, "evt_odd"))
    for form in (["--json"], ["--json", "--sort", "type"], ["--json", "--limit", "1", "--after", "evt_odd"]):
        lines = {line["id"]: line for line in run("events", "list", "--payloads", *form).lines}
        assert list(lines["evt_paid"]) == [*EVENT_KEYS, "payload"]
        assert lines["evt_paid"]["payload"]["data"]["object"]["id"] == "cs_test_1"
        assert lines["evt_paid"]["payload"] == run("events", "show", "evt_paid", "--json").json["payload"]
        assert "evt_odd" not in lines or lines["evt_odd"]["payload"] is None
    assert len(json.loads(run("events", "list", "--payloads", "--format", "json").out)) == 2
    for form in ([], ["--quiet"], ["--format", "csv"]):
        assert run("events", "list", "--payloads", *form).code == 2


async def _delete_payload(database_url: str, event_id: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM stripe_event_payloads WHERE event_id = $1", event_id)
    await connection.close()


def test_an_event_whose_payload_is_gone_is_still_shown(run: Run, paid: str, database_url: str) -> None:
    async def drop() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("DELETE FROM stripe_event_payloads")
        await connection.close()

    go(drop())
    assert run("events", "show", "evt_paid", "--json").json["payload"] is None
    assert "The payload was deleted" in run("events", "show", "evt_paid").err


def test_an_unknown_event_is_exit_3(run: Run) -> None:
    ran = run("events", "show", "evt_none")
    assert (ran.code, ran.err.count("\n")) == (3, 1)
    assert "evt_none" in ran.err


ODD_BODIES = (
    b"null",
    b"7",
    b"[]",
    b'"\\ud83d"',
    b'{"id":"evt_deep","type":"t","data":{"object":{"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}}}",
    b'{"id":"evt_far","type":"t","created":1e400,"data":{"object":{"x":1e400,"y":"\\ud83d","z":' + b"9" * 5000 + b"}}}",
    b'{"id":"evt_thin","type":"v2.core.event_destination.ping","object":"v2.core.event","data":null}',
)


def test_what_is_no_event_is_listed_and_shown(run: Run, database_url: str) -> None:
    async def work() -> None:
        database = Database(database_url, max_size=2)
        intake = Intake(database, lambda: (SECRET,))
        await intake.start()
        for body in ODD_BODIES:
            await deliver(intake, body)
        await intake.close()
        await database.close()

    go(work())
    assert run("events", "list").code == 0
    listed = run("events", "list", "--json").lines
    assert [event["status"] for event in listed] == ["ignored"] * len(ODD_BODIES)
    assert {"evt_deep", "evt_far", "evt_thin"} <= {event["id"] for event in listed}
    assert "Why       it only refers to an object" in run("events", "show", "evt_thin").out
    shown = [run("events", "show", event["id"], "--json") for event in listed]
    assert [ran.code for ran in shown] == [0] * len(listed)
    assert [run("events", "show", event["id"]).code for event in listed] == [0] * len(listed)
    far = next(ran.json for ran in shown if ran.json["id"] == "evt_far")
    assert far["payload"]["data"]["object"]["x"] == "1e400"
    assert far["payload"]["data"]["object"]["y"] == "\ufffd"


def test_the_statuses_are_those_of_the_table(database_url: str) -> None:
    assert constraint_values(database_url, "stripe_events_status_known") == EVENT_STATUSES
