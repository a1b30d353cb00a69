"""bench/target.json describes the daemon to a harness that knows nothing of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import asyncpg

BENCH = Path(__file__).parents[2] / "bench"
TARGET: dict[str, Any] = json.loads((BENCH / "target.json").read_text("utf-8"))


def read(field: str) -> str:
    return (BENCH / str(TARGET[field])).read_text("utf-8")


def test_it_names_the_daemon_and_how_many_events_to_prepare() -> None:
    assert (TARGET["name"], TARGET["events_per_second"]) == ("checkout_daemon", 12_000)
    assert (BENCH / TARGET["cwd"]).resolve() == BENCH.parent
    assert "{port}" in TARGET["webhook"]
    assert "{port}" in TARGET["checkout"]


async def test_its_statements_prepare_a_database_and_check_it(
    database_url: str, connection: asyncpg.Connection
) -> None:
    await connection.execute(read("schema"))
    environ = os.environ | {"DATABASE_URL": database_url}
    command = (sys.executable, *TARGET["prepare"][1:])
    process = await asyncio.create_subprocess_exec(*command, cwd=BENCH.parent, env=environ)
    assert await process.wait() == 0
    await connection.execute(read("seed").replace("{count}", "5"))
    orders = await connection.fetch(TARGET["orders_sql"], 3)
    assert [(len(row), row[1][:8], row[2] > 0) for row in orders] == [(3, "cs_test_", True)] * 3
    sessions = [row[1] for row in orders]
    checks = await connection.fetch(read("verify"), sessions, ["evt_1"])
    assert {(row["got"], row["want"]) for row in checks} == {(0, 3), (0, 1)}
    found = await connection.fetch(read("verify_checkouts"), 5)
    assert all(row["got"] == row["want"] for row in found)
