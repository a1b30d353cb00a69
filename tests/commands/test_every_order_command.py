"""What every command that takes an ORDER owes a script: its exit codes, JSON alone on stdout, and no harm done.

The commands are read from their declarations: one that is not in the table fails a test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import pytest

import cli
from tests.commands.conftest import Run
from tests.commands.place import (
    Make,
    Place,
    make_dead_event,
    make_dead_message,
    make_expired,
    make_paid,
    make_paid_by_event,
    make_paid_twice,
    make_to_ship,
    make_waiting,
    open_place,
)
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster
from tools.manual import walk

CLOSED = "http://127.0.0.1:1"
CLOSED_DATABASE = "postgresql://shop:verysecret@127.0.0.1:1/shop"
ADA = "ada@example.com"  # has two orders
UNKNOWN = "4711"


@dataclass(frozen=True, slots=True)
class Command:
    """How it is called with an order, and on which one it does its work. `lists`: JSON Lines, possibly none.

    `elsewhere`: what it does for an order is tested in a module of its own, as a process.
    """

    line: str
    does: Make = make_waiting
    stripe: bool = False
    destructive: bool = False
    lists: bool = False
    elsewhere: bool = False

    @property
    def name(self) -> str:
        names: list[str] = []
        found: click.Command = cli.checkout
        for word in self.line.split():
            if not isinstance(found, click.Group):
                break
            found = found.commands[word]
            names.append(word)
        return " ".join(names)

    def words(self, order: object, *more: str) -> list[str]:
        return [word.replace("ORDER", str(order)) for word in [*self.line.split(), *more]]


COMMANDS = {
    command.name: command
    for command in (
        Command("orders list --order ORDER", lists=True),
        Command("orders export --order ORDER", lists=True),
        Command("orders show ORDER"),
        Command("orders explain ORDER"),
        Command("payouts order ORDER"),
        Command("payouts list --order ORDER", lists=True),
        Command("disputes list --order ORDER", lists=True),
        Command("orders refund ORDER", make_paid, stripe=True, destructive=True),
        Command("orders ship ORDER --carrier DHL", make_to_ship),
        Command("orders cancel ORDER", stripe=True, destructive=True),
        Command("orders correct ORDER --phone +43664123456", destructive=True),
        Command("orders erase ORDER", make_expired, destructive=True),
        Command("orders ack ORDER paid_twice", make_paid_twice),
        Command("orders note ORDER called"),
        Command("orders snooze ORDER 2d --note later", make_paid_twice),
        Command("sessions resend ORDER", stripe=True),
        Command("sessions expire ORDER", stripe=True, destructive=True),
        Command("sessions show ORDER", lists=True),
        Command("sessions sync ORDER", stripe=True),
        Command("sessions list --order ORDER", lists=True),
        Command("audit list --order ORDER", lists=True),
        Command("batches list --order ORDER", lists=True),
        Command("proposals list --order ORDER", lists=True),
        Command("events list --order ORDER", lists=True),
        Command("events tail --order ORDER", elsewhere=True),
        Command("orders watch --order ORDER", elsewhere=True),
        Command("events replay --order ORDER --status applied", make_paid_by_event, destructive=True),
        Command("events dismiss --order ORDER --status dead --note old", make_dead_event, destructive=True),
        Command("outbox list --order ORDER", lists=True),
        Command(
            "outbox dismiss --order ORDER --status dead --note old", make_dead_message, destructive=True, lists=True
        ),
        Command("outbox replay --order ORDER --status queued", make_paid, destructive=True),
        Command("trigger charge.refunded --order ORDER", elsewhere=True),
    )
}
# Written down before Stripe is asked, so that it is asked once: a job continues it.
REFUND_IS_ASKED_FOR = {"refund_requests", "order_changes", "operator_log", "operator_log_heads"}
WITH_STRIPE = [name for name, command in COMMANDS.items() if command.stripe]
ANSWERING = [name for name, command in COMMANDS.items() if not command.elsewhere]
DESTRUCTIVE = [name for name, command in COMMANDS.items() if command.destructive]


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


@pytest.fixture
def run(run_bare: Run, environment: pytest.MonkeyPatch, place: Place) -> Run:
    for name, value in place.environ().items():
        environment.setenv(name, value)
    return run_bare


def test_the_table_has_every_command_that_takes_an_order() -> None:
    commands = walk(cli.checkout, "checkout")
    asking = {path for path, command in commands if any(parameter.name == "order" for parameter in command.params)}
    assert asking == {f"checkout {name}" for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_order_is_3_and_an_ambiguous_one_2(run: Run, place: Place, name: str) -> None:
    before = place.contents()
    unknown = run(*COMMANDS[name].words(UNKNOWN, "--json"))
    several = run(*COMMANDS[name].words(ADA, "--json"))
    assert (unknown.code, unknown.out, unknown.err.count("\n")) == (3, "", 1), unknown.err
    assert f"no order is '{UNKNOWN}'" in unknown.err
    assert (several.code, several.out) == (2, "")
    assert [line.split()[:2] for line in several.err.splitlines()[1:]] == [["1002", "completed"], ["1001", "pending"]]
    assert place.contents() == before


@pytest.mark.parametrize("name", COMMANDS)
def test_a_database_that_is_down_is_5(run: Run, environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv("DATABASE_URL", CLOSED_DATABASE)
    ran = run(*COMMANDS[name].words(1001, "--json"))
    assert (ran.code, ran.out, ran.err.count("\n")) == (5, "", 1), ran.err
    assert "checkout doctor" in ran.err
    assert "verysecret" not in ran.err


@pytest.mark.parametrize("name", WITH_STRIPE)
def test_a_stripe_that_is_down_is_5_and_nothing_is_done(
    run: Run, place: Place, environment: pytest.MonkeyPatch, name: str
) -> None:
    command = COMMANDS[name]
    number = place.make(command.does)
    before = place.contents()
    environment.setenv("STRIPE_API_BASE", CLOSED)
    ran = run(*command.words(number, *_yes(command), "--json"))
    assert (ran.code, ran.out, "checkout doctor" in ran.err) == (5, "", True), ran.err
    changed = {table for table, rows in place.contents().items() if rows != before[table]}
    assert changed == (REFUND_IS_ASKED_FOR if name == "orders refund" else set())


@pytest.mark.parametrize("name", DESTRUCTIVE)
def test_nothing_is_destroyed_off_a_terminal_without_yes(run: Run, place: Place, name: str) -> None:
    command = COMMANDS[name]
    number = place.make(command.does)
    before = place.contents()
    ran = run(*command.words(number, "--json"))
    assert (ran.code, ran.out, "--yes" in ran.err) == (2, "", True), ran.err
    assert place.contents() == before


@pytest.mark.parametrize("name", ANSWERING)
def test_json_is_alone_on_stdout(run: Run, place: Place, name: str) -> None:
    command = COMMANDS[name]
    number = place.make(command.does)
    ran = run(*command.words(number, *_yes(command), "--json"))
    assert ran.code == 0, ran.err
    lines: list[Any] = [json.loads(line) for line in ran.out.splitlines()]
    assert all(isinstance(line, dict) for line in lines)
    assert command.lists or len(lines) == 1


def _yes(command: Command) -> tuple[str, ...]:
    return ("--yes",) if command.destructive else ()
