"""`checkout orders explain` as a command; its rules are tested with their service."""

from __future__ import annotations

import asyncpg
import pytest

from tests.commands.conftest import Run, go
from tests.support.orders import add_expired_order


@pytest.fixture
def expired(database_url: str) -> None:
    async def add() -> None:
        connection = await asyncpg.connect(database_url)
        await add_expired_order(connection)
        await connection.close()

    go(add())


def test_an_order_is_explained_to_people_and_scripts(run: Run, environment: pytest.MonkeyPatch, expired: None) -> None:
    page, script = run("orders", "explain", "1001"), run("orders", "explain", "ada@example.com", "--json")
    assert page.out.startswith("Order 1001  expired\n")
    assert "  → checkout sessions resend 1001\n" in page.out
    assert " UTC (" in page.out
    environment.setenv("CHECKOUT_TIME_ZONE", "Asia/Tokyo")
    assert " JST (" in run("orders", "explain", "1001").out
    assert max(map(len, page.out.splitlines())) <= 80
    assert list(script.json) == ["order_id", "number", "status", "attention", "findings"]
    keys = ["code", "says", "next", "command", "page"]  # kept: JSON key
    assert [list(finding) for finding in script.json["findings"]] == [keys]
    assert script.json["findings"][0]["command"] == "checkout sessions resend 1001"


def test_an_unknown_order_is_exit_3(run: Run) -> None:
    assert run("orders", "explain", "4711").code == 3
