"""`checkout disputes`: lists by deadline and order, and what one did to the balance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.bank.reading import read_balance
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.commands.disputes import _STATUSES
from checkout_daemon.ledger.facts import DisputeStatus
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.comparing import sync_order
from tests.commands.conftest import Do, Run, go
from tests.support.background import BackgroundStripe
from tests.support.balance import ask, post
from tests.support.shopping import paid_order


@pytest.fixture
def offline_stripe(tmp_path: Path) -> Iterator[BackgroundStripe]:
    """Return one of this test alone: others would have their payments in its balance."""
    stripe = BackgroundStripe(tmp_path / "stripe")
    stripe.start()
    yield stripe
    stripe.stop()


def test_a_dispute_is_listed_and_shown_with_what_it_cost(run: Run, do: Do, stripe: BackgroundStripe) -> None:
    async def work(runtime: Runtime) -> CheckoutAnswer:
        answer = await paid_order(runtime)
        (charge,) = (await ask(stripe.network, "/v1/charges"))["data"]
        await post(stripe.network, f"/v1/test_helpers/charges/{charge['id']}/dispute", {"reason": "fraudulent"})
        await sync_order(runtime, str(answer.order_id), cause="test", actor="test")
        await read_balance(runtime)
        return answer

    do(work)
    (listed,) = run("disputes", "list", "--waiting", "--json").lines
    assert (listed["number"], listed["status"], listed["money_is_gone"]) == (1001, "needs_response", True)
    assert "in 8d" in run("disputes", "list").out
    shown = run("disputes", "show", listed["id"]).out
    assert "Stripe's page" in shown
    assert "Reason         fraudulent (10.4)\n" in shown
    assert "Evidence       none\n" in shown
    assert "Balance        -€48.99 (dispute, fee €15.00)" in shown
    assert run("disputes", "show", listed["id"], "--json").json["lines"][0]["fee"] == 1500
    assert "No dispute matches" in run("disputes", "list", "--status", "won").err


@pytest.mark.parametrize(
    ("status", "due_in", "expected"),
    [
        ("needs_response", "1 day", "Next           checkout disputes evidence du_1\n"),
        ("needs_response", "-1 day", "Next           The time to answer is over.\n"),
        ("warning_needs_response", "-1 day", "Next           checkout orders refund 1001\n"),
        ("appeal_needs_response", "1 day", "Next           Send evidence of the appeal in Stripe's Dashboard.\n"),
    ],
)
def test_what_is_next_is_what_still_helps(
    run: Run, do: Do, database_url: str, status: str, due_in: str, expected: str
) -> None:
    order = do(paid_order)

    async def work() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "INSERT INTO disputes (id, livemode, payment_id, status, observed_at, event_id, due_by)"
            " SELECT 'du_1', false, payment_id, $1, now(), 'evt_1', now() + $2::text::interval"
            " FROM payment_observations LIMIT 1",
            status,
            due_in,
        )
        await connection.close()

    go(work())
    assert order.number == 1001
    assert expected in run("disputes", "show", "du_1").out


def test_what_does_not_exist_is_not_found(run: Run) -> None:
    assert "No disputes yet" in run("disputes", "list").err
    assert run("disputes", "show", "du_none").code == 3
    by_number = run("disputes", "show", "1001")
    assert (by_number.code, "no order is '1001'" in by_number.err) == (3, True)


def test_the_statuses_are_those_of_the_facts() -> None:
    assert {*_STATUSES} == {*DisputeStatus}
