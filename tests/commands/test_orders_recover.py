"""`checkout orders recover`: orders that a restore lost are recovered from Stripe."""

from __future__ import annotations

from pathlib import Path

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import Do, Run
from tests.support.background import BackgroundStripe
from tests.support.shopping import check_out, paid_order


def test_paid_orders_that_a_backup_lacks_are_named_and_brought_back(
    run: Run, do: Do, paid: CheckoutAnswer, stripe: BackgroundStripe, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0
    lost = do(paid_order)
    restored = run("db", "restore", file, "--yes")
    recover = f"checkout orders recover {lost.session_id}"
    assert (restored.code, "1 paid order that the backup lacks" in restored.err) == (0, True)
    assert recover in restored.err
    (check,) = [line for line in run("doctor", "--json").lines if line["check"] == "orders"]
    assert (check["ok"], recover in check.values()) == (False, True)
    compared = run("reconcile", "--json")
    found, summary = compared.lines
    assert (compared.code, found["number"], found["session_id"], found["fix"]) == (1, 1002, lost.session_id, recover)
    assert (summary["missing"], summary["differed"], summary["left"]) == (1, 1, 1)
    assert "1 missing here" in run("reconcile").out

    unsure = run("orders", "recover", lost.session_id)
    assert (unsure.code, "--yes" in unsure.err) == (2, True)
    done = run("orders", "recover", lost.session_id, "--yes", "--json", "--note", "after the restore")
    again = run("orders", "recover", lost.session_id)
    assert (done.code, done.json["number"], done.json["status"], done.json["recovered"]) == (0, 1002, "completed", True)
    assert (again.code, again.out, "already exists" in again.err) == (0, "1002\n", True)
    assert run("orders", "show", "1002", "--json").json["customer_email"] == "ada@example.com"
    assert run("reconcile").code == 0
    assert do(check_out).number == 1003


def test_without_stripe_a_restore_prints_what_to_do_first(
    run: Run, do: Do, paid: CheckoutAnswer, stripe: BackgroundStripe, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0
    stripe.network.plan = lambda number, request: "fail_500"
    restored = run("db", "restore", file, "--yes")
    assert (restored.code, "Run `checkout reconcile` before new orders come in" in restored.err) == (0, True)


def test_what_is_not_there_or_not_paid_has_its_own_exit_code(run: Run, waiting: CheckoutAnswer, do: Do) -> None:
    assert run("orders", "recover", "cs_test_nothing", "--yes").code == 3

    async def lose(runtime: Runtime) -> CheckoutAnswer:
        async with runtime.database.connection() as connection:
            await connection.execute("DELETE FROM orders")
        return waiting

    do(lose)
    refused = run("orders", "recover", waiting.session_id, "--yes")
    assert (refused.code, "nobody has paid it" in refused.err) == (4, True)
