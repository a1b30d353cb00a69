"""`checkout sessions list`, `show`, `resend` and `expire`, for people and for scripts."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator
from checkout_daemon.checkout.expiring import expire_sessions
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import Do, Run, away, go
from tests.support.background import BackgroundStripe
from tests.support.orders import add_order
from tests.support.shopping import check_out, paid_order, pay


def test_sessions_are_listed_and_a_list_that_was_cut_is_reported_as_such(
    run: Run, waiting: CheckoutAnswer, do: Do, on_80_columns: pytest.MonkeyPatch
) -> None:
    second = do(check_out)
    assert max(map(len, run("sessions", "list").out.splitlines())) <= 80
    on_80_columns.delenv("TTY_COMPATIBLE")
    cut, whole, none = (
        run("sessions", "list", "--limit", "1"),
        run("sessions", "list", "--status", "open"),
        run("sessions", "list", "--status", "complete"),
    )
    assert "Showing the newest 1." in cut.err
    assert [line.split()[0] for line in cut.out.splitlines()] == ["order", "1002"]
    assert [line.split()[0] for line in whole.out.splitlines()] == ["order", "1002", "1001"]
    assert (whole.err, none.out, none.err) == ("", "", "No session matches.\n")
    listed = run("sessions", "list", "--json", "--limit", "1").lines
    found = [(line["id"], line["number"], line["payment_status"]) for line in listed]
    assert found == [(second.session_id, 1002, "unpaid")]


def test_a_session_is_shown_with_its_link(run: Run, waiting: CheckoutAnswer, database_url: str) -> None:
    async def add() -> None:
        connection = await asyncpg.connect(database_url)
        await add_order(connection, customer_email="none@example.com")
        await connection.close()

    go(add())
    assert run("sessions", "show", waiting.session_id).out == run("sessions", "show", "1001").out
    assert f"Link     {waiting.url}\n" in run("sessions", "show", "1001").out
    none = run("sessions", "show", "1002", "--json")
    assert (none.code, none.out, "`checkout sessions resend 1002` creates one" in none.err) == (3, "", True)


def test_resend_prints_the_link_and_can_draw_it(run: Run, waiting: CheckoutAnswer) -> None:
    human = run("sessions", "resend", "1001", "--qr", "--no-email")
    assert (human.code, human.out) == (0, f"{waiting.url}\n")
    assert "Order 1001 can be paid there until" in human.err
    assert "▀" in human.err
    assert "mail" not in human.err
    ran = run("sessions", "resend", "1001", "--json", "--note", "asked by phone")
    assert list(ran.json) == ["order_id", "number", "session_id", "url", "expires_at", "mailed"]
    assert (ran.json["session_id"], ran.json["mailed"]) == (waiting.session_id, True)
    assert run("outbox", "list", "--json").lines[0]["kind"] == "session.link"
    page = run("orders", "show", "1001").out
    assert page.count(": asked by phone)") == 1
    assert "Operators" not in page  # the changes tell all of it


def test_what_only_stripe_knows_is_paid_is_4_and_put_right(
    run: Run, waiting: CheckoutAnswer, do: Do, stripe: BackgroundStripe
) -> None:
    async def pay_it(runtime: Runtime) -> CheckoutAnswer:
        await pay(runtime, waiting.session_id, waiting.amount_total)
        return waiting

    do(pay_it)
    ran = run("sessions", "resend", "1001", "--json")
    assert (ran.code, ran.out) == (4, "")
    assert "at Stripe it is completed" in ran.err
    assert run("orders", "show", "1001", "--json").json["status"] == "completed"
    expire = run("sessions", "expire", waiting.session_id, "--yes")
    assert (expire.code, f"{waiting.session_id} is complete and paid" in expire.err) == (4, True)
    assert [run("sessions", "resend", text).code for text in ("1001", "4711")] == [4, 3]
    do(check_out)
    assert run("sessions", "resend", "ada@example.com").code == 2
    away(stripe)
    assert run("sessions", "resend", "1002").code == run("sessions", "expire", "1002", "--yes").code == 5


def test_expire_names_the_sessions_that_were(run: Run, waiting: CheckoutAnswer) -> None:
    human = run("sessions", "expire", waiting.session_id, "--yes", "--note", "fraud")
    assert (human.code, human.out) == (0, f"{waiting.session_id}\n")
    assert human.err == "Expired. Order 1001 is expired.\n"
    page = run("orders", "show", "1001").out
    assert "(session.expired, " in page.partition("\nChanges\n")[2]
    assert page.partition("\nOperators\n")[2].splitlines()[0].endswith(": fraud)")
    again = run("sessions", "expire", "1001", "--yes", "--json")
    assert (again.code, again.out, f"{waiting.session_id} is expired" in again.err) == (4, "", True)
    resent = run("sessions", "resend", "1001", "--json").json
    ran = run("sessions", "expire", "1001", "--yes", "--json")
    assert ran.json == {
        "order_id": str(waiting.order_id),
        "number": 1001,
        "status": "expired",
        "session_ids": [resent["session_id"]],
    }


def test_many_are_listed_first_and_then_resent(run: Run, do: Do, stripe: BackgroundStripe) -> None:
    async def expired(runtime: Runtime) -> CheckoutAnswer:
        answer = await check_out(runtime)
        await expire_sessions(runtime, str(answer.order_id), operator=Operator("ada", "shop1"))
        return answer

    do(expired)
    do(expired)
    do(paid_order)
    some = ("sessions", "resend", "--status", "expired", "--since", "7d", "--rate", "20")
    dry = run(*some, "--dry-run")
    assert (dry.code, dry.out) == (0, "1002  €33.99\n1001  €33.99\n")
    assert [line["number"] for line in run(*some, "--dry-run", "--json").lines] == [1002, 1001]
    assert [line["number"] for line in run("orders", "list", "--json", "--status", "expired").lines] == [1002, 1001]
    ran = run(*some, "--yes", "--json")
    assert (ran.code, [line["number"] for line in ran.lines]) == (0, [1002, 1001])
    assert all(line["url"] and line["mailed"] for line in ran.lines)
    assert "Batch 1: 2 done, 0 failed, 0 skipped, 0 left." in ran.err
    assert run(*some).out == ""  # they are pending now

    async def pay_one(runtime: Runtime) -> CheckoutAnswer:
        await pay(runtime, ran.lines[0]["session_id"], 3399)
        return await check_out(runtime)

    do(pay_one)
    pending: dict[int, Any] = {
        line["number"]: line for line in run("sessions", "resend", "--status", "pending", "--yes", "--json").lines
    }
    assert sorted(pending) == [1001, 1002, 1004]
    assert (pending[1002]["code"], "url" in pending[1001]) == ("not_payable", True)
    away(stripe)
    assert run("sessions", "resend", "--status", "pending", "--yes").code == 5


def test_sessions_of_both_modes_are_marked(
    run: Run, waiting: CheckoutAnswer, database_url: str, on_80_columns: pytest.MonkeyPatch
) -> None:
    assert "mode" not in run("sessions", "list").out.splitlines()[0]

    async def add() -> None:
        connection = await asyncpg.connect(database_url)
        order_id = await add_order(connection, livemode=True)
        await connection.execute(
            "INSERT INTO checkout_sessions (id, livemode, order_id, attempt, status, outcome)"
            " VALUES ('cs_live_1', true, $1, 1, 'open', 'unpaid')",
            order_id,
        )
        await connection.close()

    go(add())
    listed = run("sessions", "list", "--json").lines
    assert {line["number"]: line["livemode"] for line in listed} == {1001: False, 1002: True}
    table = run("sessions", "list").out.splitlines()
    assert "mode" in table[0]
    assert max(map(len, table)) <= 80
    assert "Mode     live\n" in run("sessions", "show", "1002").out
