"""`checkout todo`: for people, on paper and for scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Update, merge
from tests.commands.conftest import Run, go
from tests.support.orders import add_order
from tests.support.payments import paid

DUE = datetime(2040, 12, 15, 12, tzinfo=UTC)


@pytest.fixture
def disputed(database_url: str) -> str:
    """Return the id of an order of Ada's with a dispute, due in 2040."""

    async def work() -> str:
        connection = await asyncpg.connect(database_url)
        order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
        await connection.close()
        database = Database(database_url, max_size=1)
        now = datetime.now(UTC) - timedelta(minutes=1)
        asked = DisputeStatus.NEEDS_RESPONSE
        fact = DisputeFact("dp_1", False, "pi_1", asked, DUE, 5000, "eur", "product_not_received", now, "evt_1")
        await database.run(merge, [paid(order_id, "pi_1")])
        await database.run(merge, [Update("charge.dispute.created", "stripe", subject_id="pi_1", facts=[fact])])
        await database.close()
        return order_id

    return str(go(work()))


def test_nothing_to_do_is_said(run: Run) -> None:
    ran = run("todo")
    assert (ran.code, ran.err) == (0, "Nothing needs a person.\n")
    assert run("todo", "--json").out == ""


def test_the_page_has_a_box_for_each_item_and_fits(run: Run, disputed: str) -> None:
    page = run("todo").out
    assert page.splitlines()[1:] == run("todo", "--print").out.splitlines()[1:]
    assert "1 to do, €50.00" in page.splitlines()[0]
    assert "[ ] Order 1001  €50.00  Ada Lovelace  dispute needs response  respond by 15 Dec 2040, in " in page
    assert "reason product not received" in page.replace("\n    ", " ")
    assert "→ checkout disputes evidence dp_1" in page
    assert " ack " not in page
    assert max(len(line) for line in page.splitlines() if "→" not in line and "[ ]" not in line) <= 80


def test_a_script_gets_every_item_with_its_deadline(run: Run, disputed: str) -> None:
    (item,) = run("todo", "--json").lines
    assert (item["kind"], item["subject"], item["order_id"]) == ("dispute_needs_response", "dp_1", disputed)
    assert (item["number"], item["amount"], item["currency"]) == (1001, 5000, "eur")
    assert (item["due_by"], item["customer"], item["owner"]) == ("2040-12-15T12:00:00Z", "Ada Lovelace", None)


def test_names_are_masked_where_the_setting_says_so(run: Run, disputed: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CHECKOUT_MASK", "on")
    assert "Lovelace" not in run("todo").out
    assert "A••• L•••" in run("todo", "--columns", "order,customer").out
    assert run("todo", "--json").json["customer"] == "Ada Lovelace"  # for programs


def test_a_filter_leaves_items_of_orders_that_match(run: Run, disputed: str, dead_event: None) -> None:
    assert [item["kind"] for item in run("todo", "--json").lines] == ["dispute_needs_response", "event_dead"]
    (item,) = run("todo", "--json", "--filter", "amount:>=50 lovelace").lines
    assert item["order_id"] == disputed
    ran = run("todo", "--filter", "amount:>50")
    assert (ran.code, ran.err) == (0, "No order that matches needs a person.\n")
    assert run("todo", "--filter", "amount:>x").code == 2


def test_explain_ends_at_the_page_of_the_dispute_with_its_deadline_and_what_can_be_done(
    run: Run, disputed: str
) -> None:
    (item,) = run("todo", "--json").lines
    assert item["command"] == "checkout disputes evidence dp_1"
    explained = run("orders", "explain", "1001")
    words = " ".join(explained.out.split())
    assert "product not received" in words
    assert "by 2040-12-15 12:00 UTC (in " in words
    assert "Submit evidence, or accept the dispute, which gives the money back." in words
    assert f"→ {item['page']}\n" in explained.out
    assert "→ checkout disputes evidence dp_1\n" in explained.out
    (finding,) = (one for one in run("orders", "explain", "1001", "--json").json["findings"] if one["page"])
    assert (finding["page"], finding["command"]) == (item["page"], item["command"])


@pytest.fixture
def dead_event(database_url: str) -> None:
    """Have an event that could not be applied."""

    async def work() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, last_error, received_at, body_hash)"
            " VALUES ('evt_1', 'charge.refunded', 'dead', '<b>KeyError</b>: `amount`', now(), '')"
        )
        await connection.close()

    go(work())


def test_a_page_to_hand_over_in_markdown_and_html(run: Run, disputed: str, dead_event: None) -> None:
    run("orders", "assign", "1001", "anna", "--note", "*calls* the bank")
    markdown = run("todo", "--page", "markdown").out
    assert "- [ ] **Order 1001  €50.00  Ada Lovelace  dispute needs response** **respond by 15 Dec 2040" in markdown
    assert "  - Owner: anna\n" in markdown
    assert "\\*calls\\* the bank" in markdown
    assert "  - `checkout disputes evidence dp_1`\n" in markdown
    page = run("todo", "--page", "html").out
    assert page.startswith("<!doctype html>")
    assert "&lt;b&gt;KeyError&lt;/b&gt;" in page
    assert "<code>checkout events replay evt_1</code>" in page
    assert "Owner: anna" in page
    assert "Lovelace" in page
    assert run("todo", "--page", "pdf").code == 2


def test_what_is_about_no_order_is_assigned_and_snoozed_by_its_name(run: Run, dead_event: None) -> None:
    (item,) = run("todo", "--json").lines
    assert (item["item"], item["owner"]) == ("event_dead:evt_1", None)
    assert "Name: event_dead:evt_1" in run("todo").out
    assigned = run("--as", "anna", "orders", "assign", "event_dead:evt_1")
    assert assigned.out == "event_dead:evt_1: anna takes care of it.\n"
    done = run("orders", "snooze", "event_dead:evt_1", "tomorrow", "--note", "fixed then", "--json").json
    assert (done["item"], done["owner"], done["note"]) == ("event_dead:evt_1", "anna", "fixed then")
    assert run("todo", "--json").out == ""
    assert "fixed then" in run("todo", "--snoozed").out
    assert run("orders", "unsnooze", "event_dead:evt_1").out == "event_dead:evt_1 is snoozed no more.\n"
    assert run("orders", "unassign", "event_dead:evt_1", "--json").json["owner"] is None
    assert run("orders", "assign", "event_dead:evt_2", "anna").code == 3


def test_what_is_not_listed_is_named_with_the_command_that_lists_it(
    run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def add() -> None:
        connection = await asyncpg.connect(database_url)
        for _ in range(3):
            await add_order(connection, status="processing", ago=timedelta(days=90))
        await connection.close()

    go(add())
    assert run("todo").err == ""
    monkeypatch.setattr("checkout_daemon.orders.todo._MOST", 1)
    ran = run("todo")
    every = "`checkout orders list --status pending --status processing`"
    assert ran.err == f"Not listed: 2 further stuck orders: {every}\n"
    assert run("todo", "--filter", "status:processing").out.count("order stuck") == 3
