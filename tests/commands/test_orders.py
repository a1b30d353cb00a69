"""`checkout orders list`, `show` and `watch`, for people and for scripts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.intake import Intake
from tests.commands.conftest import Run, go
from tests.support.orders import NOW, add_change, add_order
from tests.support.stripe_events import SECRET, deliver, event_body, refund_object, session_object

ORDER_KEYS = [
    "id",
    "number",
    "status",
    "attention",
    "currency",
    "amount_subtotal",
    "amount_discount",
    "amount_total",
    "amount_refunded",
    "customer_name",
    "customer_email",
    "customer_phone",
    "discount_code",
    "livemode",
    "created_at",
    "updated_at",
    "paid_at",
]
EVENT_KEYS = [
    "id",
    "type",
    "status",
    "reason",
    "order_id",
    "api_version",
    "livemode",
    "created_at",
    "received_at",
    "applied_at",
    "attempts",
    "next_attempt_at",
    "last_error",
    "fingerprint",
]


@pytest.fixture
def add(database_url: str) -> Callable[..., str]:
    """Add an order and return its id."""

    def add(**fields: Any) -> str:
        async def work() -> str:
            connection = await asyncpg.connect(database_url)
            order_id = await add_order(connection, **fields)
            await connection.close()
            return order_id

        return str(go(work()))

    return add


def test_a_list_has_the_keys_of_the_contract_newest_first(run: Run, add: Callable[..., str]) -> None:
    add(ago=timedelta(hours=2), status="completed", attention=["paid_twice"], paid_at=NOW)
    add(ago=timedelta(hours=1))
    newer, older = run("orders", "list", "--json").lines
    assert list(older) == ORDER_KEYS
    assert [newer["number"], older["number"]] == [1002, 1001]
    assert older["attention"] == ["paid_twice"]
    assert (newer["attention"], newer["paid_at"], newer["amount_total"]) == ([], None, 1250)
    assert older["paid_at"] == f"{NOW:%Y-%m-%dT%H:%M:%S}Z"


def test_filters_reach_the_list(run: Run, add: Callable[..., str]) -> None:
    add(ago=timedelta(days=3), status="failed", customer_email="bo@example.com")
    add(ago=timedelta(hours=3), status="failed", attention=["paid_twice"])
    add(ago=timedelta(minutes=3))

    def found(*arguments: str) -> list[int]:
        return [line["number"] for line in run("orders", "list", "--json", *arguments).lines]

    assert found("--status", "failed") == [1002, 1001]
    assert found("--status", "failed", "--status", "pending") == [1003, 1002, 1001]
    assert found("--since", "24h") == [1003, 1002]
    assert found("--until", "1h") == [1002, 1001]
    assert found("--since", "7d", "--until", "2d") == [1001]
    assert found("--since", f"{NOW - timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}") == [1003, 1002]
    assert found("--email", "BO@example.com") == [1001]
    assert found("--attention") == [1002]
    assert found("--search", "lovelace", "--limit", "1") == [1003]


def test_a_date_is_a_day_of_the_shop_s_time_zone(
    run: Run, add: Callable[..., str], environment: pytest.MonkeyPatch
) -> None:
    add(created_at=NOW.replace(year=2026, month=5, day=1, hour=23, minute=30))
    environment.setenv("CHECKOUT_TIME_ZONE", "Europe/Vienna")  # where it is May 2nd
    assert len(run("orders", "list", "--json", "--since", "2026-05-02").lines) == 1
    assert len(run("orders", "list", "--json", "--until", "2026-05-02").lines) == 0


def test_a_table_fits_80_columns_and_needs_no_colours(run: Run, add: Callable[..., str]) -> None:
    add(
        status="partially_refunded",
        attention=["dispute_needs_response", "amount_mismatch"],
        customer_name="Wolfeschlegelsteinhausenbergerdorff " * 3,
        amount_subtotal=99_999_999,
        amount_total=99_999_999,
    )
    ran = run("orders", "list")
    assert max(map(len, ran.out.splitlines())) <= 80
    row = ran.out.splitlines()[1]
    assert row.split()[0] == "1001"
    assert "partially refunded" in row
    assert "€999,999.99" in row
    assert "dispute" in row
    assert "\x1b" not in ran.out


def test_names_cannot_command_the_terminal(run: Run, add: Callable[..., str]) -> None:
    add(customer_name="\x1b[2J\rAda [red]x")
    ran = run("orders", "list")
    assert "\x1b" not in ran.out
    assert "[red]x" in ran.out
    assert "\x1b" not in run("orders", "show", "1001").out
    add(customer_name="می\u200cخواهم")
    assert "می\u200cخواهم" in run("orders", "list").out
    add(customer_name="A\x9b31m\u200f\u202eB")
    for command in (("list", "--json"), ("show", "1003", "--json"), ("export", "--format", "jsonl")):
        ran = run("orders", *command)
        assert not set(ran.out) & set("\x1b\x9b\u200f\u202e")
        assert "A\x9b31m\u200f\u202eB" in {json.loads(line)["customer_name"] for line in ran.out.splitlines()}
    assert "می\u200cخواهم" in run("orders", "list", "--json").out


def test_an_empty_list_is_reported_on_stderr_only(run: Run) -> None:
    empty, filtered = run("orders", "list"), run("orders", "list", "--status", "failed")
    assert (empty.code, empty.out) == (0, "")
    assert "No orders yet" in empty.err
    assert "No order matches" in filtered.err
    assert run("orders", "list", "--json").out == ""


def test_a_list_that_was_cut_is_reported_as_such(run: Run, add: Callable[..., str]) -> None:
    add()
    add()
    cut, whole = run("orders", "list", "--limit", "1"), run("orders", "list", "--limit", "2")
    assert "Showing the newest 1." in cut.err
    assert len(cut.out.splitlines()) == 2
    assert whole.err == ""


def test_an_order_is_shown_whole(run: Run, add: Callable[..., str], database_url: str) -> None:
    order_id = add(amount_subtotal=5000, amount_total=5000)

    async def pay() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "INSERT INTO order_items (order_id, position, sku, name, unit_amount, quantity, amount, amount_discount)"
            " VALUES ($1, 1, 'NOTE', 'Notebook', 2500, 2, 5000, 0)",
            order_id,
        )
        await connection.close()
        database = Database(database_url, max_size=2)
        intake = Intake(database, lambda: (SECRET,))
        await intake.start()
        session = session_object(order_id, "cs_test_1", "pi_1")
        await deliver(intake, event_body("checkout.session.completed", session, event_id="evt_paid"))
        await deliver(intake, event_body("refund.created", refund_object("re_1", "pi_1", 1000)))
        dispute = {"id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "status": "won", "amount": 5000}
        await deliver(
            intake, event_body("charge.dispute.closed", dispute | {"currency": "eur", "reason": "fraudulent"})
        )
        await intake.close()
        await database.close()

    go(pay())
    shown = run("orders", "show", "pi_1", "--json").json
    lists = ["items", "sessions", "payments", "refunds", "disputes", "events", "changes"]
    assert list(shown) == ORDER_KEYS + lists
    assert (shown["status"], shown["amount_refunded"]) == ("partially_refunded", 1000)
    assert [list(shown[items][0]) for items in lists] == [
        ["sku", "name", "unit_amount", "quantity", "amount", "amount_discount"],
        ["id", "attempt", "status", "payment_status", "url", "expires_at", "created_at", "unknown"],
        ["id", "session_id", "amount", "currency", "livemode", "paid_at", "valid"],
        ["id", "payment_id", "amount", "currency", "status", "created_at", "unknown"],
        ["id", "payment_id", "status", "reason", "amount", "currency", "due_by", "unknown", "funds"],
        EVENT_KEYS,
        ["seq", "order_id", "at", "from", "to", "cause", "actor", "note"],
    ]
    assert (shown["changes"][0]["from"], shown["changes"][0]["to"]) == ("pending", "completed")
    assert shown["events"][0]["received_at"].endswith("Z")

    page = run("orders", "show", "1001").out
    for text in (
        "Order 1001",
        "partially refunded",
        "€50.00",
        order_id,
        "cs_test_1",
        "pi_1",
        "re_1",
        "dp_1",
        "evt_paid",
    ):
        assert text in page


def test_what_is_not_found_is_exit_3(run: Run) -> None:
    ran = run("orders", "show", "4711", "--json")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert "4711" in ran.err


def test_several_that_fit_are_exit_2_and_listed(run: Run, add: Callable[..., str]) -> None:
    add(status="completed")
    add()
    ran = run("orders", "show", "ada@example.com", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert [line.split()[:3] for line in ran.err.splitlines()[1:]] == [
        ["1002", "pending", "€12.50"],
        ["1001", "completed", "€12.50"],
    ]


@pytest.mark.parametrize("colour", [True, False])
def test_colour_is_for_terminals_without_no_color(
    database_url: str, add: Callable[..., str], tmp_path: Path, colour: bool
) -> None:
    import pty

    add(status="failed")
    outer, inner = pty.openpty()
    environ = {**os.environ, "DATABASE_URL": database_url, "TERM": "xterm-256color", "COLUMNS": "80"}
    environ.pop("NO_COLOR", None)
    if not colour:
        environ["NO_COLOR"] = "1"
    command = [sys.executable, "-P", "-m", "cli", "orders", "list"]
    process = subprocess.Popen(command, stdout=inner, stderr=subprocess.PIPE, env=environ, cwd=tmp_path)
    _, message = process.communicate(timeout=30)
    os.close(inner)
    shown = os.read(outer, 65_536).decode()
    os.close(outer)
    assert (process.returncode, message) == (0, b"")
    assert "failed" in shown
    assert ("\x1b[31m" in shown) is colour


def test_a_reader_that_has_seen_enough_is_no_failure(database_url: str, tmp_path: Path) -> None:
    async def fill() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name,"
            " customer_email, customer_phone, livemode)"
            " SELECT gen_random_uuid(), 'eur', 1, 0, 1, 'N', 'n@example.com', '+1', false FROM generate_series(1, 3000)"
        )
        await connection.close()

    go(fill())
    with program(database_url, tmp_path, "orders", "list", "--json", "--limit", "3000") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 0


def test_watch_prints_each_change_until_it_is_interrupted(
    database_url: str, tmp_path: Path, add: Callable[..., str]
) -> None:
    order_id = add()
    with program(database_url, tmp_path, "orders", "watch", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Watching" in process.stderr.readline()
        go(change(database_url, order_id, "one"))
        first = json.loads(process.stdout.readline())
        go(cut_listeners(database_url))
        assert "trying again" in process.stderr.readline()
        go(change(database_url, order_id, "two"))
        second = json.loads(process.stdout.readline())
        assert "nothing was missed" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stdout.read() == ""
        assert process.stderr.read().strip() == ""
    assert list(first) == ["seq", "order_id", "at", "from", "to", "cause", "actor", "note"]
    assert (first["order_id"], first["note"], second["note"]) == (order_id, "one", "two")


def test_watch_for_people_begins_at_since(database_url: str, tmp_path: Path, add: Callable[..., str]) -> None:
    go(change(database_url, add(), "why"))
    with program(database_url, tmp_path, "orders", "watch", "--since", "1h") as process:
        assert process.stdout is not None
        assert "1001  pending → completed  (test, test: why)" in process.stdout.readline()
        process.terminate()


def program(url: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DATABASE_URL": url},
        cwd=folder,
    )


def change(url: str, order_id: str, note: str) -> Coroutine[Any, Any, None]:
    async def work() -> None:
        connection = await asyncpg.connect(url)
        await add_change(connection, order_id, note)
        await connection.close()

    return work()


async def cut_listeners(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    await connection.close()
