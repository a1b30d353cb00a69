"""`checkout orders ack` and `note`: for people and for scripts, and what they refuse."""

from __future__ import annotations

import pytest

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.merge import merge
from tests.commands.conftest import Run, go
from tests.support.payments import paid
from tests.support.stripe_events import insert_order


@pytest.fixture
def order_id(database_url: str) -> str:
    """Order 1001, paid twice."""

    async def work() -> str:
        order_id = await insert_order(database_url)
        database = Database(database_url)
        await database.run(merge, [paid(order_id, "pi_1", "pi_2")])
        await database.close()
        return order_id

    return str(go(work()))


def test_a_note_is_shown_with_who_wrote_it(run: Run, order_id: str) -> None:
    ran = run("orders", "note", "1001", "called: wanted both")
    assert (ran.code, ran.out) == (0, "")
    assert "checkout orders show 1001" in ran.err
    (*_, change) = run("orders", "show", "1001", "--json").json["changes"]
    assert (change["cause"], change["actor"]) == ("order.noted", this_operator().actor)
    assert change["note"] == "called: wanted both"


def test_an_acknowledged_attention_is_gone(run: Run, order_id: str) -> None:
    ran = run("orders", "ack", order_id[:8], "paid_twice", "--note", "wanted both", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert (ran.json["number"], ran.json["attention"]) == (1001, [])
    again = run("orders", "ack", "1001", "paid_twice")
    assert (again.code, again.out) == (4, "")
    assert again.err == "error: order 1001 does not ask for paid_twice; it asks for nothing\n"


def test_an_unknown_order_is_exit_3_and_an_ambiguous_one_2(run: Run, order_id: str, database_url: str) -> None:
    go(insert_order(database_url))
    assert run("orders", "note", "4711", "x").code == 3
    assert run("orders", "ack", "n@example.com", "paid_twice").code == 2
    assert run("orders", "note", "1001", "two\rlines").code == 2
