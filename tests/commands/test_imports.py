"""`checkout import stripe`: what it prints, its exit codes, and where imported orders are shown."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import Do, Run
from tests.support.background import BackgroundStripe
from tests.support.flaky_stripe import Request
from tests.support.old_shop import OldShop
from tests.support.shopping import check_out


@pytest.fixture
def sold(do: Do, waiting: CheckoutAnswer, stripe: BackgroundStripe) -> dict[str, Any]:
    """Order 1001 of ours, and a session of an old system that was paid."""
    made: list[dict[str, Any]] = []

    async def work(runtime: Runtime) -> CheckoutAnswer:
        made.append(await OldShop(runtime, stripe.network).paid(1999))
        return waiting

    do(work)
    return made[0]


def test_an_old_order_is_imported_and_shown_as_such_everywhere(run: Run, sold: dict[str, Any], do: Do) -> None:
    since = f"{datetime.fromtimestamp(sold['created'], UTC):%Y-%m-%dT%H:%M:%SZ}"
    dry = run("import", "stripe", "--since", since, "--dry-run")
    assert (dry.code, " imported" in dry.out, "A dry run" in dry.out) == (0, True, True)
    assert len(run("orders", "list", "--json").lines) == 1
    done = run("import", "stripe", "--since", since, "--json")
    assert (done.code, done.json["imported"] >= 1, done.json["refused"], done.json["dry_run"]) == (0, True, 0, False)

    listed = run("orders", "list", "--filter", "imported:yes", "--json").lines
    assert len(listed) == done.json["imported"]
    (order,) = [line for line in listed if line["imported_from"] == sold["id"]]
    assert (order["imported_from"], order["status"], order["amount_total"]) == (sold["id"], "completed", 1999)
    (ours,) = run("orders", "list", "--filter", "imported:no", "--json").lines
    assert ours["imported_from"] is None
    number = order["number"]
    assert "yes" in run("orders", "list", "--columns", "order,imported").out
    assert f"from {sold['id']}" in run("orders", "show", number).out.replace("\n", "")
    assert run("orders", "show", sold["id"], "--json").json["number"] == number
    assert "It was imported from" in run("orders", "explain", number).out
    exported = list(csv.DictReader(io.StringIO(run("orders", "export", "--filter", "imported:yes").out)))
    assert sold["id"] in [row["imported_from"] for row in exported]

    again = run("import", "stripe", "--since", since)
    assert (again.code, " here already" in again.out, " imported" in again.out) == (0, True, False)
    assert do(check_out).number == 1 + max(line["number"] for line in listed)


def test_what_is_refused_is_an_error_that_quiet_does_not_swallow(
    run: Run, sold: dict[str, Any], stripe: BackgroundStripe, environment: pytest.MonkeyPatch
) -> None:
    def wrong(request: Request, content: bytes) -> bytes:
        return content.replace(b'"amount_received": 1999', b'"amount_received": 900').replace(
            b'"amount_received":1999', b'"amount_received":900'
        )

    environment.setattr(stripe.network, "rewrite", wrong)
    since = f"{datetime.fromtimestamp(sold['created'], UTC):%Y-%m-%dT%H:%M:%SZ}"
    ran = run("import", "stripe", "--since", since, "--quiet")
    assert (ran.code, ran.out) == (1, "")
    assert re.fullmatch(r"error: \d+ objects? (was|were) refused\n", ran.err), ran.err


def test_a_file_with_a_fault_stops_it_before_anything_is_asked(
    run: Run, sold: dict[str, Any], stripe: BackgroundStripe, tmp_path: Path
) -> None:
    file = tmp_path / "old.csv"
    file.write_text("email,phone\nada@example.com,0664\n", encoding="utf-8")
    before = len(stripe.network.requests)
    refused = run("import", "stripe", "--since", "1d", "--customers-csv", file)
    assert (refused.code, "old.csv, line 2: phone" in refused.err) == (2, True)
    assert len(stripe.network.requests) == before
    assert len(run("orders", "list", "--json").lines) == 1


def test_wrong_times_are_refused(run: Run, stripe: BackgroundStripe) -> None:
    assert run("import", "stripe").code == 2
    assert run("import", "stripe", "--since", "never").code == 2
    backwards = run("import", "stripe", "--since", "2026-02-01", "--until", "2026-01-01")
    assert (backwards.code, "nothing is between them" in backwards.err) == (2, True)


def test_while_stripe_is_away_nothing_happens(run: Run, stripe: BackgroundStripe) -> None:
    stripe.network.plan = lambda number, request: "lose_request"
    assert run("import", "stripe", "--since", "1d").code == 5
