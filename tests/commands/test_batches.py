"""Acts on several orders in one command, and `checkout batches`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from checkout_daemon.commands.batches import BATCH_ACTS, BATCH_STATUSES, ITEM_STATUSES
from tests.commands.conftest import Do, Run, constraint_values
from tests.support.background import BackgroundStripe
from tests.support.flaky_stripe import Request, Trouble
from tests.support.pseudo_terminal import on_terminal
from tests.support.shopping import check_out, paid_order

ASKED = "Refund 2 orders of €67.98? Nothing of it can be taken back."


@pytest.fixture
def two_paid(do: Do, stripe: BackgroundStripe) -> None:
    """Add orders 1001 and 1002 of 33.99 EUR each, paid, and 1003, unpaid."""
    do(paid_order)
    do(paid_order)
    do(check_out)


def statuses(run: Run) -> dict[int, str]:
    return {line["number"]: line["status"] for line in run("orders", "list", "--json").lines}


def test_several_orders_are_counted_with_their_money_and_first_lines_before_anything_is_done(
    run: Run, two_paid: None
) -> None:
    line = ("orders", "refund", "1001", "1003", "1002", "1001", "--note", "recall")
    unsure = run(*line)
    assert (unsure.code, unsure.out) == (2, "")
    first, second, refused, question = unsure.err.splitlines()
    assert [one.split()[:2] for one in (first, second)] == [["1001", "€33.99"], ["1002", "€33.99"]]
    assert "not 1003: nothing was paid for order 1003 yet" in refused
    assert ASKED in question
    dry = run(*line, "--dry-run", "--json")
    assert [(one["number"], one["amount"], bool(one["refusal"])) for one in dry.lines] == [
        (1001, 3399, False),
        (1003, 3399, True),
        (1002, 3399, False),
    ]
    assert run("batches", "list", "--json").lines == []
    ran = run(*line, "--yes", "--json")
    assert (ran.code, [(one["number"], one["status"]) for one in ran.lines]) == (0, [(1001, "done"), (1002, "done")])
    assert all(one["refund_id"].startswith("re_") for one in ran.lines)
    assert "Batch 1: 2 done, 0 failed, 1 skipped, 0 left." in ran.err
    assert statuses(run) == {1001: "refunded", 1002: "refunded", 1003: "pending"}
    again = run(*line, "--yes")
    assert (again.code, "it is refunded" in again.err) == (4, True)


def test_a_filter_or_a_file_selects_the_orders(
    run: Run, two_paid: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = run("orders", "note", "--status", "completed", "called all", "--yes")
    assert (ran.code, ran.out) == (0, "1002  done  noted\n1001  done  noted\n")
    file = tmp_path / "orders.txt"
    file.write_text("\ufeff# the first\n1001\n\n#1003\n")
    assert run("sessions", "sync", "--from-file", file, "--yes").out == "1001  done  agrees with Stripe\n"
    listed = run("orders", "list", "--status", "pending", "--json").out
    monkeypatch.setattr(sys, "stdin", io.StringIO(listed))
    ran = run("orders", "cancel", "--from-file", "-", "--yes")
    assert (ran.code, ran.out) == (0, "1003  done  canceled\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"number": 1}\n'))
    bad = run("orders", "cancel", "--from-file", "-", "--yes")
    assert (bad.code, "line 1 of -" in bad.err) == (2, True)
    none = run("sessions", "expire", "--status", "failed", "--yes")
    assert (none.code, none.err) == (0, "No order matches: there is nothing to expire.\n")


@pytest.mark.parametrize("blank", [("--filter", " "), ("--filter", '-"" ""'), ("--search", " ")])
def test_blank_filters_do_not_select_the_whole_shop(run: Run, two_paid: None, blank: tuple[str, str]) -> None:
    refused = run("orders", "refund", *blank, "--yes")
    assert (refused.code, "would select all orders" in refused.err) == (2, True)
    assert statuses(run) == {1001: "completed", 1002: "completed", 1003: "pending"}


def test_a_batch_that_stopped_is_shown_resumed_and_reported(
    run: Run, two_paid: None, do: Do, stripe: BackgroundStripe
) -> None:
    do(paid_order)
    refused: list[Trouble] = ["reject_400", "reject_400"]

    def plan(_: int, request: Request) -> Trouble | None:
        is_refund = request.path == "/v1/refunds" and request.method == "POST"
        return refused.pop() if is_refund and refused else None

    stripe.network.plan = plan
    stopped = run("orders", "refund", "1001", "1002", "1004", "--yes")
    assert (stopped.code, stopped.out.split()[:2]) == (1, ["1001", "failed"])
    assert "error: stopped: stripe_rejected: Stripe refused: No" in stopped.err
    assert "checkout batches resume 1" in stopped.err
    (line,) = run("batches", "list", "--json", "--status", "stopped").lines
    assert (line["number"], line["act"], line["total"], line["failed"], line["waiting"]) == (1, "refund", 3, 1, 2)
    shown = run("batches", "show", "1")
    assert "€0.00 of €101.97" in shown.out
    assert "To continue it: checkout batches resume 1" in shown.err
    resumed = run("batches", "resume", "1", "--json")
    assert (resumed.code, [one["status"] for one in resumed.lines]) == (1, ["failed", "done"])
    failed = run("batches", "show", "1", "--status", "failed", "--json").lines
    assert [one["number"] for one in failed] == [1001, 1002]
    report = run("batches", "show", "1", "--json").json
    assert (report["status"], report["money"]) == ("finished", [{"currency": "eur", "amount": 10197, "done": 3399}])
    assert list(report["failures"].values()) == [2]
    assert "€33.99 of €101.97" in run("batches", "show", "1").out
    over = run("batches", "resume", "1")
    assert (over.code, "batch 1 is finished" in over.err) == (4, True)
    assert "To continue it" not in over.err
    assert "0 items" not in over.err
    assert run("batches", "stop", "1").code == 4
    assert {run("batches", command, "2").code for command in ("show", "resume", "stop")} == {3}
    assert max(len(line) for line in run("batches", "list").out.splitlines()) <= 80


def test_batches_are_listed_by_act_operator_and_time_and_as_csv(run: Run, two_paid: None) -> None:
    run("orders", "note", "1001", "1002", "called", "--yes")
    run("sessions", "sync", "1001", "1002", "--yes")
    note = run("batches", "show", "1")
    assert (note.code, "Money" in note.out) == (0, False)
    assert [line["number"] for line in run("batches", "list", "--act", "sync", "--json").lines] == [2]
    assert [line["number"] for line in run("batches", "list", "--after", "2", "--json").lines] == [1]
    assert len(run("batches", "list", "--by", "@", "--since", "today", "--json").lines) == 2
    assert run("batches", "list", "--until", "2001-01-01").err == "No batch matches.\n"
    csv = run("batches", "list", "--format", "csv").out
    assert "{}" in csv.splitlines()[1]
    assert "(" not in csv
    assert "BatchOptions" not in run("batches", "list", "--columns", "batch,options").out


def test_a_dry_run_shows_money_to_people_and_minor_units_to_programs(run: Run, two_paid: None) -> None:
    shown = run("orders", "refund", "1001", "--amount", "500", "--dry-run").out
    assert "amount: €5.00" in shown
    assert "left afterwards: €28.99" in shown
    assert run("orders", "refund", "1001", "--amount", "500", "--dry-run", "--json").json["amount"] == 500
    several = run("orders", "refund", "1001", "1002", "--amount", "€5", "--dry-run", "--json").lines
    assert [item["amount"] for item in several] == [500, 500]
    assert "amount total: €33.99" in run("orders", "cancel", "1003", "--dry-run").out


def test_lines_of_items_stand_above_the_progress_bar(two_paid: None, database_url: str, tmp_path: Path) -> None:
    line = ("orders", "note", "1001", "1002", "called", "--yes")
    with on_terminal(*line, environ={"DATABASE_URL": database_url}, cwd=tmp_path) as terminal:
        assert terminal.end() == 0
    shown = [line.rsplit("\x1b[2K", 1)[-1] for line in terminal.written.split("\r\n")]
    assert [line for line in shown if "noted" in line] == ["1001  done  noted", "1002  done  noted"]
    assert "2/2" in terminal.written


def test_nothing_but_json_is_printed_and_acts_without_stripe_need_no_key(
    run: Run, two_paid: None, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("STRIPE_API_KEY")
    ran = run("orders", "note", "1001", "1002", "both", "--yes", "--json")
    assert (ran.code, [json.loads(line)["outcome"] for line in ran.out.splitlines()]) == (0, ["noted", "noted"])
    changes = run("orders", "show", "1001", "--json").json["changes"]
    assert changes[-1]["note"] == "both"


def test_the_statuses_are_those_of_the_tables(database_url: str) -> None:
    assert constraint_values(database_url, "batches_status_known") == BATCH_STATUSES
    assert constraint_values(database_url, "batches_act_known") == BATCH_ACTS
    assert constraint_values(database_url, "batch_items_status_known") == ITEM_STATUSES
