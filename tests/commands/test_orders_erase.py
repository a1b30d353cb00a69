"""`checkout orders erase`."""

from __future__ import annotations

import asyncpg
import pytest

from tests.commands.conftest import Run, go
from tests.support.orders import add_expired_order, add_order, number_of


@pytest.fixture
def numbers(database_url: str) -> list[int]:
    """Two expired orders of Ada's, and a pending one."""

    async def insert() -> list[int]:
        connection = await asyncpg.connect(database_url)
        ids = [await add_expired_order(connection), await add_expired_order(connection), await add_order(connection)]
        numbers = [await number_of(connection, order_id) for order_id in ids]
        await connection.close()
        return numbers

    found: list[int] = go(insert())
    return found


def test_it_is_confirmed_and_names_what_it_does_not_reach(run: Run, numbers: list[int]) -> None:
    first, second, waiting = numbers
    refused = run("orders", "erase", first)
    assert (refused.code, refused.out) == (2, "")
    ran = run("orders", "erase", first, "--yes", "--note", "asked on 3 May")
    assert ran.code == 0
    assert f"checkout orders erase {second} --customer" in ran.err
    shown = run("orders", "show", first, "--json").json
    assert (shown["customer_name"], shown["customer_email"], shown["customer_phone"]) == ("", "", "")
    assert (shown["changes"][-1]["cause"], shown["amount_total"]) == ("order.erased", 1250)
    assert "Customer  erased\n" in run("orders", "show", first).out
    assert [line for line in run("orders", "list").out.splitlines() if line.rstrip().endswith(" erased")]

    assert run("orders", "erase", second, "--customer", "--yes").code == 4  # one of them can still be paid
    assert f"checkout orders cancel {waiting}" in run("orders", "erase", waiting, "--yes").err
    answer = run("orders", "erase", second, "--yes", "--json").json
    assert [order["number"] for order in answer["orders"]] == [second]
    assert answer["others_of_customer"] == [waiting]
    assert run("orders", "erase", "ada@nowhere.example", "--yes").code == 3
