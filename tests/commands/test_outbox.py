"""`checkout outbox`: lists and shows messages, and sends them again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from checkout_daemon.commands.outbox import MESSAGE_STATUSES
from tests.commands.conftest import Run, constraint_values, go
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


def test_the_table_fits_and_names_what_is_not_configured(run: Run, dead: dict[str, str]) -> None:
    ran = run("outbox", "list")
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert dead["webhook"] in ran.out
    assert "CHECKOUT_SMTP_URL is not set" in ran.err


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


def test_unknown_ids_are_exit_3_and_what_is_none_exit_2(run: Run, dead: dict[str, str]) -> None:
    assert run("outbox", "show", uuid4()).code == 3
    assert run("outbox", "replay", dead["webhook"], uuid4()).code == 3
    assert run("outbox", "show", dead["webhook"], "--json").json["status"] == "dead"
    assert run("outbox", "show", "this").code == 2
    assert run("outbox", "replay").code == 2
    assert run("outbox", "replay", dead["webhook"], "--status", "dead").code == 2
    assert run("outbox", "list", "--kind", "order.sold").code == 2


def test_the_statuses_are_those_of_the_table(database_url: str) -> None:
    assert constraint_values(database_url, "outbox_status_known") == MESSAGE_STATUSES
