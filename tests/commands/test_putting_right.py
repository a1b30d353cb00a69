"""Refund, cancel, resend and expire as commands: for people and for scripts, and the exit code of each refusal."""

from __future__ import annotations

from typing import Any

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.checkout import CheckoutAnswer
from checkout_daemon.services.operators import Operator
from checkout_daemon.services.session_expiring import expire_sessions
from tests.commands.conftest import Do, Run, away
from tests.support.background import BackgroundStripe
from tests.support.shopping import check_out, paid_order, pay


def test_a_refund_prints_its_id_and_says_what_became_of_the_order(run: Run, paid: CheckoutAnswer) -> None:
    ran = run("orders", "refund", "1001", "--amount", "1000", "--yes", "--note", "one was broken")
    assert (ran.code, ran.out.startswith("re_"), ran.out.count("\n")) == (0, True, 1)
    assert ran.err == (
        "Refunded €10.00 of order 1001: succeeded. The order is partially refunded, €10.00 refunded in total.\n"
    )
    rest = run("orders", "refund", paid.session_id, "--reason", "duplicate", "--yes", "--json")
    assert (rest.code, rest.err) == (0, "")
    assert rest.json == {
        "order_id": str(paid.order_id),
        "number": 1001,
        "refund_id": rest.json["refund_id"],
        "payment_id": rest.json["payment_id"],
        "amount": 2399,
        "currency": "eur",
        "status": "succeeded",
        "order_status": "refunded",
        "amount_refunded": 3399,
    }


def test_off_a_terminal_nothing_destructive_is_done_without_yes(run: Run, paid: CheckoutAnswer) -> None:
    refund, expire = run("orders", "refund", "1001"), run("sessions", "expire", "1001", "--json")
    assert (refund.code, refund.out) == (expire.code, expire.out) == (2, "")
    assert "Refund €33.99 of pi_" in refund.err
    assert "--yes" in expire.err
    assert run("orders", "show", "1001", "--json").json["status"] == "completed"


def test_a_refund_is_refused_by_the_order_s_state_with_4_and_asked_of_stripe_with_5_or_1(
    run: Run, paid: CheckoutAnswer, do: Do, stripe: BackgroundStripe
) -> None:
    do(check_out)
    more = run("orders", "refund", "1001", "--amount", "3400", "--yes")
    unpaid = run("orders", "refund", "1002", "--yes", "--json")
    unknown, other = (
        run("orders", "refund", "4711", "--yes"),
        run("orders", "refund", "1001", "--payment", "pi_x", "-y"),
    )
    ambiguous = run("orders", "refund", "ada@example.com", "--yes")
    assert [each.code for each in (more, unpaid, unknown, other, ambiguous)] == [4, 4, 3, 3, 2]
    assert "error: €34.00 is more than the €33.99 left" in more.err
    assert (unpaid.out, "is pending" in unpaid.err) == ("", True)
    stripe.network.plan = lambda number, request: "reject_400"
    assert (run("orders", "refund", "1001", "--yes").code, run("orders", "show", "1001", "--json").code) == (1, 0)
    away(stripe)
    lost, blocked = run("orders", "refund", "1001", "--yes"), run("orders", "refund", "1001", "--yes")
    assert (lost.code, blocked.code) == (5, 4)
    assert "do not ask for it again" in lost.err
    assert "Stripe has not answered" in blocked.err


def test_cancel_leaves_nothing_to_pay(run: Run, waiting: CheckoutAnswer, do: Do, stripe: BackgroundStripe) -> None:
    away(stripe)
    lost = run("orders", "cancel", "1001", "--yes")
    assert (lost.code, run("orders", "show", "1001", "--json").json["status"]) == (5, "pending")
    stripe.network.plan = lambda number, request: None
    ran = run("orders", "cancel", "1001", "--yes", "--json")
    assert (ran.code, ran.json["status"], ran.json["id"]) == (0, "canceled", str(waiting.order_id))
    shown = run("orders", "show", "1001", "--json").json
    assert [each["status"] for each in shown["sessions"]] == ["expired"]
    again = run("orders", "cancel", "1001")
    assert (again.code, again.out, again.err) == (
        4,
        "",
        "error: order 1001 cannot be canceled: it is canceled already\n",
    )
    do(check_out)
    human = run("orders", "cancel", "1002", "--yes")
    assert (human.code, human.out) == (0, "")
    assert human.err == "Order 1002 is canceled; none of its sessions can be paid.\n"
    do(paid_order)
    assert [run("orders", "cancel", text, "--yes").code for text in ("1003", "4711", "ada@example.com")] == [4, 3, 2]


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
    assert "Stripe knew better: it is completed" in ran.err
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
    assert (dry.code, dry.out) == (0, "1002  expired\n1001  expired\n")
    assert [each["number"] for each in run(*some, "--dry-run", "--json").lines] == [1002, 1001]
    assert [each["number"] for each in run("orders", "list", "--json", "--status", "expired").lines] == [1002, 1001]
    ran = run(*some, "--json")
    assert (ran.code, [each["number"] for each in ran.lines]) == (0, [1002, 1001])
    assert all(each["url"] and each["mailed"] for each in ran.lines)
    assert "2 resent, 0 can no longer be paid, 0 failed." in ran.err
    assert run(*some).out == ""  # they are pending now

    async def pay_one(runtime: Runtime) -> CheckoutAnswer:
        await pay(runtime, ran.lines[0]["session_id"], 3399)
        return await check_out(runtime)

    do(pay_one)
    pending: dict[int, Any] = {
        each["number"]: each for each in run("sessions", "resend", "--status", "pending", "--json").lines
    }
    assert sorted(pending) == [1001, 1002, 1004]
    assert (pending[1002]["code"], "url" in pending[1001]) == ("not_payable", True)
    away(stripe)
    assert run("sessions", "resend", "--status", "pending").code == 5
