"""`checkout outbox`: lists and shows messages, and sends them again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.commands.outbox_options import MESSAGE_STATUSES
from tests.commands.conftest import Run, constraint_values, faults_of_log, go
from tests.support.orders import add_order


@pytest.fixture
def dead(database_url: str) -> dict[str, str]:
    """The ids of a dead webhook and a queued mail about an order of Ada's."""

    async def insert() -> dict[str, str]:
        connection = await asyncpg.connect(database_url)
        order_id = await add_order(connection)
        rows = await connection.fetch(
            "INSERT INTO outbox (order_id, kind, channel, status, attempts, last_error) VALUES"
            " ($1, 'order.completed', 'webhook', 'dead', 9, 'the receiver answered 500'),"
            " ($1, 'order.completed', 'mail', 'queued', 0, NULL) RETURNING id, channel",
            order_id,
        )
        await connection.close()
        return {row["channel"]: str(row["id"]) for row in rows} | {"order": order_id}

    ids: dict[str, str] = go(insert())
    return ids


def listed(run: Run, *options: str) -> list[Any]:
    return [line["id"] for line in run("outbox", "list", "--json", *options).lines]


def test_filters(run: Run, dead: dict[str, str]) -> None:
    assert set(listed(run)) == {dead["webhook"], dead["mail"]}
    assert listed(run, "--status", "dead") == [dead["webhook"]]
    assert listed(run, "--channel", "mail", "--kind", "order.completed", "--order", dead["order"]) == [dead["mail"]]
    assert listed(run, "--kind", "payment.failed") == []
    assert listed(run, "--limit", "1", "--since", "1h") != []


@pytest.mark.usefixtures("on_80_columns")
def test_the_table_fits_and_names_what_is_not_configured(run: Run, dead: dict[str, str], database_url: str) -> None:
    kind, endpoint = "order.partially_refunded", "warehouse-north"
    go(rename(database_url, dead["webhook"], kind, endpoint))
    ran = run("outbox", "list")
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert "CHECKOUT_SMTP_URL is not set" in ran.err
    (row,) = [line.split() for line in ran.out.splitlines() if "dead" in line]
    assert row[-3:-1] == [kind, endpoint]
    assert dead["webhook"].startswith(row[-1])
    assert run("outbox", "show", row[-1], "--json").json["id"] == dead["webhook"]
    several = run("outbox", "list", "--after", row[-1][:4])
    assert (several.code, several.out) == (2, "")


def test_show_tells_why_it_is_dead(run: Run, dead: dict[str, str]) -> None:
    assert "the receiver answered 500" in run("outbox", "show", dead["webhook"]).out
    shown = run("outbox", "show", dead["webhook"], "--json").json
    assert (shown["status"], shown["attempts"], shown["next_attempt_at"]) == ("dead", 9, None)
    assert "CHECKOUT_SMTP_URL is not set" in run("outbox", "show", dead["mail"]).out


def test_one_is_replayed_by_its_id(run: Run, dead: dict[str, str]) -> None:
    assert run("outbox", "replay", dead["webhook"], "--json").json["queued"] is True
    assert run("outbox", "show", dead["webhook"], "--json").json["status"] == "queued"
    assert run("outbox", "replay", dead["webhook"], "--json").json["queued"] is False


def test_all_dead_ones_are_replayed_when_confirmed(run: Run, dead: dict[str, str]) -> None:
    refused = run("outbox", "replay", "--status", "dead")
    assert (refused.code, refused.out) == (2, "")
    assert run("outbox", "replay", "--status", "dead", "--yes", "--json").json == {"found": 1, "queued": 1}
    assert listed(run, "--status", "queued")
    assert not listed(run, "--status", "dead")


def test_a_replay_that_is_stopped_midway_names_what_continues_it(
    run: Run, dead: dict[str, str], database_url: str
) -> None:
    async def stop_batches() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.status = 'stopped'; NEW.why = 'stopped by cy@desk'; RETURN NEW; END $$;"
            "CREATE TRIGGER stopping BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION stop()"
        )
        await connection.close()

    go(stop_batches())
    every = run("outbox", "replay", "--status", "dead", "--yes")
    assert (every.code, every.out) == (1, "0 of 1 message will be sent again.\n")
    assert "error: stopped: stopped by cy@desk. To continue after it: checkout batches resume 1" in every.err
    named = run("outbox", "replay", dead["webhook"], "--quiet")
    assert (named.code, named.out, "checkout batches resume 2" in named.err) == (1, "", True)
    assert listed(run, "--status", "dead") == [dead["webhook"]]


def test_what_was_sent_after_it_was_chosen_is_not_sent_once_more(
    run: Run, dead: dict[str, str], database_url: str
) -> None:
    async def deliver_meanwhile() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "CREATE FUNCTION deliver() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN UPDATE outbox SET status = 'sent' WHERE status = 'dead'; RETURN NEW; END $$;"
            "CREATE TRIGGER delivering BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION deliver()"
        )
        await connection.close()

    go(deliver_meanwhile())
    every = run("outbox", "replay", "--status", "dead", "--yes")
    assert (every.code, every.out) == (0, "0 of 1 message will be sent again; 1 has another status by now.\n")
    assert listed(run, "--status", "sent") == [dead["webhook"]]
    assert run("outbox", "replay", dead["webhook"], "--json").json["queued"] is True


def test_the_list_names_the_order_and_the_error_of_each_message(
    run: Run, dead: dict[str, str], on_80_columns: pytest.MonkeyPatch
) -> None:
    on_80_columns.setenv("COLUMNS", "90")
    ran = run("outbox", "list", "--status", "dead")
    assert ran.out.split()[-5:] == ["dead", "1001", "order.completed", "webhook", dead["webhook"][:13]]
    fault = run("outbox", "list", "--status", "dead", "--json").json["fingerprint"]
    assert f"1 × {fault}  the receiver answered 500" in ran.err
    on_80_columns.delenv("TTY_COMPATIBLE")
    assert "the receiver answered 500" in run("outbox", "list", "--status", "dead").out
    assert run("outbox", "list", "--status", "dead", "--json").json["number"] == 1001
    assert f"1001 {dead['order']}" in run("outbox", "show", dead["webhook"]).out


def test_a_dead_message_is_dismissed_with_a_reason_and_is_back_if_it_dies_again(
    run: Run, dead: dict[str, str], database_url: str
) -> None:
    assert run("outbox", "dismiss", dead["webhook"]).code == 2
    assert run("outbox", "dismiss", dead["webhook"], "--note", " ").code == 2
    refused = run("outbox", "dismiss", dead["webhook"], dead["mail"], "--note", "old receiver")
    assert (refused.code, f"message {dead['mail']} is queued, not dead" in refused.err) == (4, True)
    assert listed(run, "--status", "dead") == [dead["webhook"]]
    done = run("outbox", "dismiss", dead["webhook"], "--note", "old receiver", "--json").json
    assert (done["id"], done["status"], done["number"]) == (dead["webhook"], "dismissed", 1001)
    assert listed(run, "--status", "dead") == []
    assert listed(run, "--status", "dismissed") == [dead["webhook"]]
    assert ": old receiver\n" in run("outbox", "show", dead["webhook"]).out
    assert "message.dismissed" in run("orders", "show", "1001").out
    assert run("outbox", "replay", dead["webhook"], "--json").json["queued"] is True

    async def die() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("UPDATE outbox SET status = 'dead' WHERE id = $1", dead["webhook"])
        await connection.close()

    go(die())
    fault = run("outbox", "list", "--status", "dead", "--json").json["fingerprint"]
    every = run("outbox", "dismiss", "--status", "dead", "--channel", "webhook", "--note", "still", "--yes")
    assert (every.code, every.err) == (0, f"1 × {fault}  the receiver answered 500\n1 message dismissed.\n")
    assert run("outbox", "dismiss", "--status", "dead", "--note", "still").err.startswith("No dead message matches")
    assert run("outbox", "dismiss", "--status", "sent", "--note", "still").code == 2
    assert faults_of_log(database_url) == []


def test_those_of_one_fault_are_replayed_or_dismissed_by_its_fingerprint(
    run: Run, dead: dict[str, str], database_url: str
) -> None:
    async def another() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "UPDATE outbox SET status = 'dead', last_error = 'no such host' WHERE channel = 'mail'"
        )
        await connection.close()

    go(another())
    faults = {line["id"]: line["fingerprint"] for line in run("outbox", "list", "--status", "dead", "--json").lines}
    webhook, mail = faults[dead["webhook"]], faults[dead["mail"]]
    assert webhook != mail
    assert {f"checkout outbox replay {message}" for message in (dead["webhook"], dead["mail"])} == {
        item["command"] for item in run("todo", "--json").lines
    }
    assert listed(run, "--fingerprint", webhook) == [dead["webhook"]]
    replayed = run("outbox", "replay", "--fingerprint", webhook, "--note", "the receiver is up", "--yes", "--json")
    assert replayed.json == {"found": 1, "queued": 1}
    assert run("batches", "show", "1", "--json").json["note"] == "the receiver is up"
    assert listed(run, "--status", "dead") == [dead["mail"]]
    assert run("outbox", "dismiss", "--fingerprint", mail, "--note", "phoned", "--yes").code == 0
    assert listed(run, "--status", "dead") == []


def test_unknown_ids_are_exit_3_and_what_is_none_exit_2(run: Run, dead: dict[str, str]) -> None:
    assert run("outbox", "show", uuid4()).code == 3
    assert run("outbox", "replay", dead["webhook"], uuid4()).code == 3
    assert run("outbox", "show", dead["webhook"], "--json").json["status"] == "dead"
    assert run("outbox", "show", "this").code == 2
    assert run("outbox", "replay").code == 2
    assert run("outbox", "dismiss", uuid4(), "--note", "none").code == 3
    assert run("outbox", "replay", dead["webhook"], "--status", "dead").code == 2
    assert run("outbox", "list", "--kind", "order.sold").code == 2


def test_the_statuses_are_those_of_the_table(database_url: str) -> None:
    assert constraint_values(database_url, "outbox_status_known") == MESSAGE_STATUSES


async def rename(database_url: str, message_id: str, kind: str, endpoint: str) -> None:
    """Give a message a long kind and an endpoint."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE outbox SET kind = $2, endpoint = $3 WHERE id = $1", message_id, kind, endpoint)
    await connection.close()
