"""`checkout orders refund` and `cancel`, and the exit code of each refusal."""

from __future__ import annotations

import pytest

from checkout_daemon.checkout.placing import CheckoutAnswer
from tests.commands.conftest import Do, Run, away
from tests.support.background import BackgroundStripe
from tests.support.shopping import check_out, paid_order


def test_a_refund_prints_its_id_and_the_orders_new_status(run: Run, paid: CheckoutAnswer) -> None:
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
        "items": [],
    }


def test_a_refund_of_items_names_them_and_show_keeps_them(run: Run, paid: CheckoutAnswer) -> None:
    assert (
        "Refund €15.33 for 1 × NOTE, 1 × PEN of pi_"
        in run("orders", "refund", "1001", "--item", "NOTE:1", "--item", "PEN:1").err
    )
    ran = run("orders", "refund", "1001", "--item", "NOTE:1", "--item", "PEN", "--yes", "--note", "broken")
    assert (ran.code, "Refunded €21.99 for 1 × NOTE, 3 × PEN of order 1001" in ran.err) == (0, True)
    (refund,) = run("orders", "show", "1001", "--json").json["refunds"]
    assert refund["items"] == [
        {"sku": "NOTE", "quantity": 1, "amount": 1200},
        {"sku": "PEN", "quantity": 3, "amount": 999},
    ]
    assert "1 × NOTE, 3 × PEN" in run("orders", "show", "1001").out
    refused = [("--item", "NOTE:2"), ("--item", "INK"), ("--item", "NOTE", "--amount", "5"), ("--item", "NOTE:0")]
    assert [run("orders", "refund", "1001", *options, "--yes").code for options in refused] == [4, 4, 2, 2]


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
    assert [ran.code for ran in (more, unpaid, unknown, other, ambiguous)] == [4, 4, 3, 3, 2]
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
    assert [session["status"] for session in shown["sessions"]] == ["expired"]
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


@pytest.mark.parametrize(
    ("typed", "minor"),
    [("500", 500), ("10", 10), ("5.00", 500), ("12,34", 1234), ("€5", 500), ("5 EUR", 500), ("eur 5.50", 550)],
)
def test_an_amount_is_in_minor_units_or_money_as_people_write_it(
    run: Run, paid: CheckoutAnswer, typed: str, minor: int
) -> None:
    planned = run("orders", "refund", "1001", "--amount", typed, "--dry-run", "--json").json
    assert (planned["amount"], planned["currency"]) == (minor, "eur")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("5.0", "EUR has 2 decimals"),
        ("1.000", "EUR has 2 decimals"),
        ("$5", "the order is in EUR"),
        ("5 usd", "the order is in EUR"),
        ("0.00", "is nothing"),
        ("0", "0 is not in the range"),
        ("1_0", "is not a whole number"),
        ("€5 EUR", "is not a whole number"),
        ("-5.00", "is not a whole number"),
    ],
)
def test_an_amount_that_may_mean_something_else_is_refused(
    run: Run, paid: CheckoutAnswer, typed: str, why: str
) -> None:
    ran = run("orders", "refund", "1001", "--amount", typed, "--yes")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert why in ran.err
    assert run("orders", "show", "1001", "--json").json["amount_refunded"] == 0


def test_the_question_shows_minor_units_as_money(paid: CheckoutAnswer, run: Run) -> None:
    ran = run("orders", "refund", "1001", "--amount", "10")
    assert ran.err.startswith("error: Refund €0.10 of pi_")
    assert "10 is €0.10" in run("orders", "refund", "--help").out


def test_who_an_operator_is_goes_into_the_log_next_to_the_system_s_user(
    run: Run, paid: CheckoutAnswer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_OPERATOR", "anna")
    assert run("orders", "note", "1001", "called").code == 0
    assert "(as anna)" in run("orders", "show", "1001").out
    assert run("--as", "bo@shop", "orders", "note", "1001", "called again").code == 0
    assert "(as bo@shop)" in run("orders", "show", "1001").out
    wrong = run("--as", "bo\x1b[2J", "orders", "note", "1001", "x")
    assert (wrong.code, wrong.out, "CHECKOUT_OPERATOR" in wrong.err) == (2, "", True)
