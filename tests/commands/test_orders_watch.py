"""`checkout orders watch`: changes as they happen; and a list whose reader has seen enough."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncpg

from tests.commands.conftest import go
from tests.support.orders import add_change


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


def test_watch_takes_the_filters_of_lists(database_url: str, tmp_path: Path, add: Callable[..., str]) -> None:
    mine, other = add(), add(customer_email="bo@example.com")
    go(change(database_url, other, "not this"))
    go(change(database_url, mine, "this"))
    for filters in (
        ["--order", "1001"],
        ["--email", "ADA@example.com"],
        ["--search", "1001"],
        ["--filter", "email:ada@ amount:12.50"],
    ):
        with program(database_url, tmp_path, "orders", "watch", "--since", "1h", "--json", *filters) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["note"] == "this"
            process.terminate()
    with program(database_url, tmp_path, "orders", "watch", "--since", "1h", "--status", "failed") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "Watching" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == ""


def program(url: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "checkout_daemon", *arguments],
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
