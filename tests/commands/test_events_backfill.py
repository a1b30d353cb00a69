"""`checkout events backfill`: what it reports, and its exit codes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.commands.conftest import Run, go
from tests.stripe_sync.test_backfill import pay
from tests.support.background import BackgroundStripe
from tests.support.fixtures import KEY


@pytest.fixture(scope="module")
def offline_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundStripe]:
    stripe = BackgroundStripe(tmp_path_factory.mktemp("stripe"))
    stripe.start()
    go(pay(stripe.base))
    yield stripe
    stripe.stop()


@pytest.fixture
def stripe(offline_stripe: BackgroundStripe, environment: pytest.MonkeyPatch) -> Iterator[BackgroundStripe]:
    environment.setenv("STRIPE_API_KEY", KEY)
    environment.setenv("STRIPE_API_BASE", offline_stripe.base)
    yield offline_stripe
    offline_stripe.network.plan = lambda number, request: None
    offline_stripe.network.rewrite = lambda request, content: content


def test_what_was_missed_is_fetched_once_and_counted(run: Run, stripe: BackgroundStripe) -> None:
    first = run("events", "backfill", "--since", "1h", "--json")
    again = run("events", "backfill", "--json")
    typed = run("events", "backfill", "--type", "charge.succeeded", "--json")
    assert (first.code, first.json) == (0, {"scanned": 2, "new": 2, "held": 0, "failed": 0})
    assert (again.code, again.json) == (0, {"scanned": 2, "new": 0, "held": 2, "failed": 0})
    assert (typed.code, typed.json) == (0, {"scanned": 1, "new": 0, "held": 1, "failed": 0})
    assert run("events", "backfill", "--until", "2h").err.count("0 scanned") == 1


def test_a_dry_run_names_what_would_be_applied_and_applies_nothing(run: Run, stripe: BackgroundStripe) -> None:
    dry = run("events", "backfill", "--since", "1h", "--dry-run")
    assert (dry.code, dry.out.count("  would be applied\n")) == (0, 2)
    assert "2 scanned, 2 new" in dry.err
    assert "A dry run: nothing was changed." in dry.err
    again = run("events", "backfill", "--since", "1h", "--dry-run", "--json")
    assert again.json == {"scanned": 2, "new": 2, "held": 0, "failed": 0, "dry_run": True}
    assert run("events", "list", "--quiet").out == ""
    quiet = run("events", "backfill", "--since", "1h", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert len(run("events", "list", "--quiet").out.split()) == 2


def test_people_read_each_event_that_was_new(run: Run, stripe: BackgroundStripe) -> None:
    ran = run("events", "backfill", "--since", "1h")
    assert ran.out.count("ignored: no order") == 2
    assert "2 scanned, 2 new, 0 already stored, 0 failed" in ran.err


def test_an_event_that_cannot_be_applied_is_doubt(run: Run, stripe: BackgroundStripe) -> None:
    stripe.network.rewrite = lambda request, content: content.replace(
        b'"amount_captured": 5000', b'"amount_captured": "much"'
    )
    ran = run("events", "backfill", "--json")
    assert (ran.code, ran.json["failed"]) == (1, 1)
    assert "checkout events list --status failed" in ran.err


def test_stripe_away_is_exit_5_with_what_was_done(run: Run, stripe: BackgroundStripe) -> None:
    stripe.network.plan = lambda number, request: "fail_500"
    ran = run("events", "backfill", "--json")
    assert (ran.code, ran.json["scanned"]) == (5, 0)
    assert "Run the command again" in ran.err


def test_what_stripe_no_longer_has_is_exit_1_and_names_reconcile(run: Run, stripe: BackgroundStripe) -> None:
    ran = run("events", "backfill", "--since", "31d")
    assert (ran.code, ran.out) == (1, "")
    assert "checkout reconcile --since 32d" in ran.err


def test_a_span_that_ends_before_it_begins_is_wrong_usage(run: Run, stripe: BackgroundStripe) -> None:
    assert run("events", "backfill", "--since", "1h", "--until", "2h").code == 2
