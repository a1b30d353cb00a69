"""`checkout orders correct`: what it announces, does and refuses."""

from __future__ import annotations

from checkout_daemon.checkout.placing import CheckoutAnswer
from tests.commands.conftest import Run


def test_a_correction_tells_what_it_did_and_what_keeps_the_old_email(run: Run, waiting: CheckoutAnswer) -> None:
    planned = run("orders", "correct", "1001", "--email", "bo@example.com", "--dry-run")
    assert (planned.code, "corrected: email" in planned.out, "A dry run" in planned.err) == (0, True, True)
    unconfirmed = run("orders", "correct", "1001", "--email", "bo@example.com")
    assert (unconfirmed.code, "--yes" in unconfirmed.err) == (2, True)
    assert run("orders", "show", "1001", "--json").json["customer_email"] == "ada@example.com"

    ran = run("orders", "correct", "1001", "--email", " bo@example.com", "--note", "mistyped", "--yes")
    assert (ran.code, ran.out) == (0, "")
    assert "Order 1001: email bo@example.com." in ran.err
    assert "`checkout sessions resend 1001` replaces it" in ran.err
    shown = run("orders", "show", "bo@example.com", "--json").json
    assert (shown["number"], shown["changes"][-1]["note"]) == (1001, "mistyped")


def test_a_script_gets_the_order_and_the_mails(run: Run, paid: CheckoutAnswer) -> None:
    ran = run("orders", "correct", "1001", "--email", "bo@example.com", "--phone", "+43664123456", "-y", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert (ran.json["customer_email"], ran.json["customer_phone"]) == ("bo@example.com", "+43664123456")
    assert (ran.json["corrected"], ran.json["mails"]) == (["email", "phone"], ["order.completed"])
    assert ran.json["open_sessions"] == []


def test_wrong_input_is_2_and_a_refusal_of_the_orders_state_is_4(run: Run, waiting: CheckoutAnswer) -> None:
    assert run("orders", "correct", "1001").code == 2
    wrong = run("orders", "correct", "1001", "--email", "bo@", "--yes")
    assert (wrong.code, "name@example.com" in wrong.err) == (2, True)
    assert run("orders", "correct", "1001", "--phone", "+43664123456", "--note", "a\rb", "--yes").code == 2
    same = run("orders", "correct", "1001", "--email", "ada@example.com", "--yes")
    assert (same.code, same.err) == (4, "error: order 1001 has this email already\n")
    assert run("orders", "correct", "4711", "--email", "bo@example.com", "--yes").code == 3
    assert run("orders", "show", "1001", "--json").json["customer_email"] == "ada@example.com"
