"""What acts on many orders counts them, shows their money by currency and asks; a dry run changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import Request, urlopen

import asyncpg
import pytest

import cli
from checkout_daemon.present.money import extent, sums
from tests.commands.conftest import KEY, Run, go
from tests.commands.every_command import AT_STRIPE, IN_BULK, WRITING, Given, Line, an_event, an_order
from tests.commands.place import Make, Place, make_dead_event, make_paid, make_paid_by_event, make_waiting, open_place
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster
from tests.support.orders import add_expired_order
from tools.manual import walk

DRY = [
    path.removeprefix("checkout ")
    for path, command in walk(cli.checkout, "checkout")
    if any("--dry-run" in option.opts for option in command.params) and path != "checkout db move"
]
COMMANDS = {path.removeprefix("checkout "): command for path, command in walk(cli.checkout, "checkout")}
QUIET = [
    name
    for name, command in COMMANDS.items()
    if any("--quiet" in option.opts and not option.expose_value for option in command.params)
]
BY_CLI = {"events resend": Line("events resend EVENT", an_event)}
SECRET = ("tokens ", "outbox endpoints ", "operators ")
"""Groups of which some print a secret that is shown once."""
LINES = WRITING | AT_STRIPE | IN_BULK | BY_CLI


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


@pytest.fixture
def run(run_bare: Run, environment: pytest.MonkeyPatch, place: Place) -> Run:
    for name, value in place.environ().items():
        environment.setenv(name, value)
    return run_bare


def endpoints(place: Place) -> object:
    request = Request(f"{place.stripe.base}/v1/webhook_endpoints", headers={"Authorization": f"Bearer {KEY}"})
    with urlopen(request, timeout=30) as response:
        return json.load(response)["data"]


def test_most_commands_that_change_something_have_a_dry_run() -> None:
    without = {"batches stop", "disputes evidence", "orders snooze", "orders unsnooze"}
    without |= {name for name in WRITING if name.startswith((*SECRET, "proposals ", "stock "))}
    assert {*DRY} == {*WRITING, *AT_STRIPE, *BY_CLI} - without


def test_reconcile_is_dry_unless_it_applies(run: Run) -> None:
    both = run("reconcile", "--dry-run", "--apply")
    assert (both.code, both.out, "--apply" in both.err) == (2, "", True)


# `reconcile` saves how far it has come, and reports every order that differs.
@pytest.mark.parametrize("name", [name for name in DRY if name != "reconcile"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_dry_run_asks_nothing_and_changes_nothing(
    run: Run, place: Place, tmp_path: Path, name: str, form: list[str]
) -> None:
    words = LINES[name].words(place, tmp_path, "--dry-run", *form)
    before, at_stripe = place.contents(), endpoints(place)
    ran = run(*words)
    assert (ran.code, bool(ran.out)) == (0, True), ran.err
    after = place.contents()
    assert {table for table in before if before[table] != after[table]} == set()
    assert endpoints(place) == at_stripe


def of_order(make: Make, table: str) -> Given:
    """Return an order, and what one table has of it."""

    async def read(place: Place, number: int) -> str:
        connection = await asyncpg.connect(place.database_url)
        statement = f"SELECT {table}.id::text FROM {table} JOIN orders ON orders.id = order_id WHERE orders.number = $1"
        found: str = await connection.fetchval(statement, number)
        await connection.close()
        return found

    def given(place: Place, folder: Path) -> Mapping[str, object]:
        number = place.make(make)
        return {"ORDER": number, "ID": go(read(place, number))}

    return given


def a_finished_batch(place: Place, folder: Path) -> Mapping[str, object]:
    async def add() -> int:
        connection = await asyncpg.connect(place.database_url)
        number: int = await connection.fetchval(
            "INSERT INTO batches (act, options, note, operator, host, total, status)"
            " VALUES ('note', '{}', 'called', 'bo', 'desk', 0, 'finished') RETURNING number"
        )
        await connection.close()
        return number

    return {"BATCH": go(add())}


REFUSED = {
    2: (
        Line(f"orders assign ORDER {'n' * 65}", an_order(make_waiting)),
        Line(f"orders cancel ORDER --note {'n' * 2001}", an_order(make_waiting)),
    ),
    3: (
        Line("events dismiss evt_missing --note no"),
        Line("events replay evt_missing"),
        Line("events replay ID evt_missing", of_order(make_paid_by_event, "stripe_events")),
        Line("orders assign event_dead:evt_missing"),
        Line("orders unassign event_dead:evt_missing"),
        Line("outbox dismiss 6f1c2a52-7f7e-4e0e-9a51-0d3a5a1b9c11 --note no"),
        Line("outbox replay 6f1c2a52-7f7e-4e0e-9a51-0d3a5a1b9c11"),
    ),
    4: (
        Line("batches resume BATCH", a_finished_batch),
        Line("events dismiss ID --note no", of_order(make_paid_by_event, "stripe_events")),
        Line("orders ack ORDER paid_twice", an_order(make_paid)),
        Line("orders cancel ORDER", an_order(make_paid)),
        Line("orders refund ORDER", an_order(make_waiting)),
        Line("outbox dismiss ID --note no", of_order(make_paid, "outbox")),
        Line("sessions expire ID", of_order(make_paid, "checkout_sessions")),
        Line("sessions expire ORDER", an_order(make_paid)),
        Line("sessions resend ORDER", an_order(make_paid)),
    ),
}
"""What the state of things refuses, by the exit code."""


@pytest.mark.parametrize(
    ("code", "line"),
    [(code, line) for code, lines in REFUSED.items() for line in lines],
    ids=[line.text[:50] for lines in REFUSED.values() for line in lines],
)
def test_a_dry_run_is_refused_as_the_run_is(run: Run, place: Place, tmp_path: Path, code: int, line: Line) -> None:
    words = line.words(place, tmp_path)
    yes = ["--yes"] if any("--yes" in option.opts for option in COMMANDS[" ".join(words[:2])].params) else []
    planned, ran = run(*words, "--dry-run"), run(*words, *yes)
    assert (planned.code, ran.code) == (code, code), planned.err + ran.err
    assert all(one.err.splitlines()[-1].startswith("error: ") for one in (planned, ran))


def test_a_note_without_text_is_refused_in_a_dry_run_too(run: Run, place: Place) -> None:
    number = place.make(make_waiting)
    assert [run("orders", "note", number, " ", *more).code for more in (["--dry-run"], [])] == [2, 2]


def test_all_commands_that_write_can_be_quiet() -> None:
    assert {name for name in {*WRITING} - {*QUIET} if not name.startswith(SECRET)} == set()


@pytest.mark.parametrize(
    "name", [name for name in QUIET if name in WRITING and name not in ("db restore", "reconcile")]
)
def test_a_quiet_command_prints_nothing(run: Run, place: Place, tmp_path: Path, name: str) -> None:
    yes = ["--yes"] if any("--yes" in option.opts for option in COMMANDS[name].params) else []
    ran = run(*WRITING[name].words(place, tmp_path, "--quiet", *yes))
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_quiet_command_names_what_is_wrong(run: Run) -> None:
    ran = run("orders", "note", "999999", "called", "--quiet")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("error: ")
    assert run("orders", "show", "999999").err.startswith("error: ")  # and the next command is not quiet


def test_a_resend_of_many_asks_with_their_number_and_money(run: Run, place: Place) -> None:
    async def add() -> None:
        connection = await asyncpg.connect(place.database_url)
        await connection.execute("UPDATE orders SET created_at = now() - interval '30 days' WHERE status = 'expired'")
        await add_expired_order(connection, amount_subtotal=1250, amount_total=1250)
        await add_expired_order(connection, amount_subtotal=1000, amount_total=1000)
        await add_expired_order(connection, currency="usd", amount_subtotal=700, amount_total=700)
        await connection.close()

    go(add())
    line = ("sessions", "resend", "--status", "expired", "--since", "24h")
    before = place.contents()
    unsure = run(*line)
    assert (unsure.code, unsure.out) == (2, "")
    assert "Resend 3 orders of €22.50 and $7.00, and mail each customer the link?" in unsure.err
    assert "--yes" in unsure.err
    assert "Resend 3 orders of €22.50 and $7.00?" in run(*line, "--no-email").err
    assert place.contents() == before
    none = run(*line, "--status", "failed", "--since", "1s", "--yes")
    assert (none.code, none.err) == (0, "No order matches: there is nothing to resend.\n")


def test_replays_ask_with_what_they_are_about(run: Run, place: Place) -> None:
    number = place.make(make_paid_by_event)
    events = run("events", "replay", "--order", number, "--status", "applied")
    messages = run("outbox", "replay", "--order", number, "--status", "queued")
    assert "Apply 1 event again, about 1 order of €33.99?" in events.err
    assert "Send 2 messages again (1 by mail, 1 by webhook), about 1 order of €33.99?" in messages.err


def test_questions_about_events_that_were_not_applied_have_the_order_that_they_name(run: Run, place: Place) -> None:
    dead = ("--order", place.make(make_dead_event), "--status", "dead")
    assert "Apply 1 event again, about 1 order of €33.99?" in run("events", "replay", *dead).err
    assert "Dismiss 1 dead event, about 1 order of €33.99?" in run("events", "dismiss", *dead, "--note", "no").err


def test_an_erasure_of_a_customer_asks_with_all_orders(run: Run, place: Place) -> None:
    async def add() -> int:
        connection = await asyncpg.connect(place.database_url)
        for _ in range(2):
            await add_expired_order(connection, customer_email="eve@example.com")
        number: int = await connection.fetchval("SELECT max(number) FROM orders")
        await connection.close()
        return number

    assert "(2 orders of " in run("orders", "erase", go(add()), "--customer").err


def test_sums_are_by_currency_with_its_digits() -> None:
    assert sums([(100, "eur"), (5, "jpy"), (250, "eur"), (33900, "kwd")]) == "€3.50, ¥5 and KWD\xa033.900"
    assert (sums([]), extent([])) == ("nothing", "0 orders of nothing")
