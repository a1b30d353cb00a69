"""What every command that takes an ORDER owes a script: its exit codes, JSON alone on stdout, and no harm done.

The commands are read from their declarations: one that is not in the table fails a test.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import click
import pytest

import cli
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch
from checkout_daemon.ledger.merge import merge
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.model.customer import Customer
from checkout_daemon.runtime import Runtime, open_runtime
from checkout_daemon.settings import load_settings
from tests.commands.conftest import KEY, Run, add_products, go
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster
from tests.support.orders import add_expired_order, number_of
from tests.support.payments import paid
from tests.support.shopping import check_out, paid_order
from tests.support.stripe_events import event_body, session_object
from tools.manual import walk

CLOSED = "http://127.0.0.1:1"
CLOSED_DATABASE = "postgresql://shop:verysecret@127.0.0.1:1/shop"
BO = Customer("Bo", "bo@example.com", "+4930901820")
Make = Callable[[Runtime], Awaitable[int]]


async def _waiting(runtime: Runtime) -> int:
    return (await check_out(runtime, customer=BO)).number


async def _paid(runtime: Runtime) -> int:
    return (await paid_order(runtime, customer=BO)).number


async def _paid_twice(runtime: Runtime) -> int:
    answer = await check_out(runtime, customer=BO)
    order_id = str(answer.order_id)
    payments = (f"pi_{answer.number}a", f"pi_{answer.number}b")
    update = paid(order_id, *payments, amount=answer.amount_total)
    await runtime.database.run(merge, [update])
    return answer.number


async def _paid_by_event(runtime: Runtime) -> int:
    """Pay an order, and keep the event that reported it."""
    answer = await check_out(runtime, customer=BO)
    session = session_object(
        str(answer.order_id), answer.session_id, f"pi_{answer.number}", amount_total=answer.amount_total
    )
    event = parse_event(event_body("checkout.session.completed", session))
    await apply_batch(runtime.database, [ReceivedEvent(event, datetime.now(UTC))])
    return answer.number


async def _expired(runtime: Runtime) -> int:
    async with runtime.database.connection() as connection:
        return await number_of(connection, await add_expired_order(connection, customer_email=BO.email))


ADA = "ada@example.com"  # has two orders
UNKNOWN = "4711"


@dataclass(frozen=True, slots=True)
class Command:
    """How it is called with an order, and on which one it does its work. `lists`: JSON Lines, possibly none.

    `elsewhere`: what it does for an order is tested in a module of its own, as a process.
    """

    line: str
    does: Make = _waiting
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
        Command("orders show ORDER"),
        Command("orders explain ORDER"),
        Command("orders refund ORDER", _paid, stripe=True, destructive=True),
        Command("orders cancel ORDER", stripe=True, destructive=True),
        Command("orders erase ORDER", _expired, destructive=True),
        Command("orders ack ORDER paid_twice", _paid_twice),
        Command("orders note ORDER called"),
        Command("sessions resend ORDER", stripe=True),
        Command("sessions expire ORDER", stripe=True, destructive=True),
        Command("sessions show ORDER", lists=True),
        Command("sessions sync ORDER", stripe=True),
        Command("events list --order ORDER", lists=True),
        Command("events tail --order ORDER", elsewhere=True),
        Command("events replay --order ORDER --status applied", _paid_by_event, destructive=True),
        Command("outbox list --order ORDER", lists=True),
        Command("outbox replay --order ORDER --status queued", _paid, destructive=True),
        Command("trigger charge.refunded --order ORDER", elsewhere=True),
    )
}
# Written down before Stripe is asked, so that it is asked once: a job continues it.
REFUND_IS_ASKED_FOR = {"refund_requests", "order_changes", "operator_log", "operator_log_heads"}
WITH_STRIPE = [name for name, command in COMMANDS.items() if command.stripe]
ANSWERING = [name for name, command in COMMANDS.items() if not command.elsewhere]
DESTRUCTIVE = [name for name, command in COMMANDS.items() if command.destructive]


@dataclass(frozen=True, slots=True)
class Place:
    """One database and one offline Stripe for all these tests, which must not touch each other's orders."""

    database_url: str
    stripe: BackgroundStripe

    def environ(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "STRIPE_API_KEY": KEY, "STRIPE_API_BASE": self.stripe.base}

    def make(self, work: Make) -> int:
        """Create an order of Bo's and return its number."""

        async def with_runtime() -> int:
            async with open_runtime(load_settings(self.environ())) as runtime:
                return await work(runtime)

        number: int = go(with_runtime())
        return number

    def contents(self) -> Mapping[str, str]:
        """Return a fingerprint of every table by name."""

        async def read() -> dict[str, str]:
            connection = await asyncpg.connect(self.database_url)
            names = await connection.fetch(
                "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
                " AND NOT relispartition"
            )
            found = {
                name: await connection.fetchval(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
                for (name,) in names
            }
            await connection.close()
            return found

        contents: dict[str, str] = go(read())
        return contents


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    url = cluster.take()

    async def fill(runtime: Runtime) -> int:
        async with runtime.database.connection() as connection:
            await add_products(connection)
        await check_out(runtime)
        return (await paid_order(runtime)).number

    place = Place(url, offline_stripe)
    place.make(fill)
    yield place
    cluster.give_back(url)


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
