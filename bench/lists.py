"""Measure what operators look at in a shop of some years: lists, searches, sorts, an order's page, figures.

Fills a database with bench/sql/fill.sql and reads each of them as commands and the terminal do, in turn, with plans
that are settled. A time is the longest statement of one read, with its round trip; those of a read add up to its sum.
Gate: 10 ms a statement (median of the rounds).

    .venv/bin/python -m bench.lists [--orders 1000000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg

from bench.scenarios.flat import add_history
from bench.support.cluster import running_cluster
from bench.support.machine import calm, machine
from bench.support.timed import OneConnection
from checkout_daemon.checkout.session_lists import list_sessions
from checkout_daemon.database.connection import PLANNER, settle
from checkout_daemon.database.migrations import migrate
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import NotFound
from checkout_daemon.events.event_lists import EventFilter, list_events
from checkout_daemon.model.order_rows import SORTS, Sort, read_sort
from checkout_daemon.orders.figures import INTERVAL, read_arrivals, read_figures, read_owed
from checkout_daemon.orders.lookup import find_order, read_filter
from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_lists import read_view
from checkout_daemon.orders.sorted_orders import OrderList
from checkout_daemon.outbox.outbox_store import MessageFilter, list_messages

PAGE = 50
SCREEN = 400  # orders that the terminal reads at its start
GATE_MS = 10.0
NOBODY = "desk@none.example"
SHOWN = 5
"""How many of the slowest reads of a group are named."""

# The shop has never had another schema: the ids of all of its orders begin with the time.
FROM_THE_START = "UPDATE schema_migrations SET applied_at = (SELECT min(created_at) FROM orders) - interval '30 days'"

# Of each key a value that many orders have, and one that few or none have.
FILTERS = (
    "status:completed", "status:disputed", "-status:completed", "attention:any", "attention:amount_mismatch",
    "amount:>50", "amount:>909.99", "amount:500.03", "refunded:>0", "refunded:>450", "currency:eur", "currency:usd",
    "email:desk@example.com", "email:@example.com", "email:nora.wagener7", "email:*bach*7@*.org", "name:hanna",
    "name:nobody", "phone:0660", "phone:123456", "sku:sku-*", "sku:SKU-17", "sku:sku-17,sku-18", "sku:*17", "sku:none",
    "-sku:sku-17", "discount:WELCOME10", "discount:friends", "discount:none", "since:30d", "until:400d", "is:test",
    "is:live", "imported:no", "imported:yes", "shipped:no", "shipped:yes", "last4:4242", "last4:7919", "brand:visa",
    "brand:amex", "decline:insufficient_funds", "decline:lost_card", "method:card", "method:paypal", "funding:credit",
    "funding:debit", "country:US", "country:AT", "wallet:apple_pay", "network:visa", "network:amex", "risk:normal",
    "risk:highest", "status:expired decline:insufficient_funds", "status:disputed sku:sku-17",
    "email:desk@example.com status:pending", "last4:4242 decline:insufficient_funds", "attention:any sku:sku-17",
)  # fmt: skip
SEARCHES = ("example", "hanna", "wagener", "zora wagner", "nobody at all", "066012345678", "7919", "49.99", "sku-17",
            "nora.wagener7", "welcome10", "desk@example.com", "nobody@example.com")  # fmt: skip

Read = Callable[[OneConnection], Awaitable[object]]


def reads(newest: int, session_id: str, order_id: str) -> dict[str, dict[str, Read]]:
    """Return every read by its group and name."""
    groups: dict[str, dict[str, Read]] = defaultdict(dict)
    for text in FILTERS:
        groups["orders list, filters"][text] = partial(_filtered, text)
    for text in SEARCHES:
        groups["orders list --search"][text] = partial(_filtered, text)
    for sort in (sign + name for name in SORTS for sign in ("", "-")):
        groups["orders list --sort"][sort] = partial(_sorted, sort)
    for text in (str(newest), str(newest // 2), session_id, order_id):
        groups["orders show"][text] = partial(_shown, text)
    groups["orders show"][NOBODY] = partial(_sought, NOBODY)
    for events in (EventFilter(), EventFilter(statuses=("dead", "failed")), EventFilter(types=("charge.succeeded",)),
                  EventFilter(types=("invoice.paid",)), EventFilter(statuses=("ignored",))):  # fmt: skip
        groups["events list"][_named(events)] = partial(_events, events)
    for messages in (MessageFilter(), MessageFilter(statuses=("dead",)), MessageFilter(channels=("mail",)),
                    MessageFilter(kinds=("order.refunded",)), MessageFilter(kinds=("refund.failed",))):  # fmt: skip
        groups["outbox list"][_named(messages)] = partial(_messages, messages)
    for statuses in ((), ("open",), ("expired",), ("complete",)):
        groups["sessions list"][" ".join(statuses) or "all"] = partial(_sessions, statuses)
    groups["the terminal"]["its first page, with last events"] = _first_page
    groups["the terminal"]["the length of the list"] = _length
    groups["the terminal"]["the end of the list"] = _end
    groups["status page"]["today, revenue, trouble"] = _figures
    groups["status page"]["arrivals of events"] = _arrivals
    groups["status page"]["messages owed"] = _owed
    return groups


async def _filtered(text: str, database: OneConnection) -> None:
    wanted = await read_filter(database, text, time_zone="UTC", now=datetime.now(UTC))
    await OrderList(database, wanted).page(None, PAGE)


async def _sorted(text: str, database: OneConnection) -> None:
    await OrderList(database, OrderFilter(), read_sort(text) or Sort()).page(None, PAGE)


async def _shown(text: str, database: OneConnection) -> None:
    order = await find_order(database, text)
    async with database.connection() as connection:
        await read_view(connection, str(order.id))


async def _sought(text: str, database: OneConnection) -> None:
    with suppress(NotFound):
        await find_order(database, text)


async def _events(wanted: EventFilter, database: OneConnection) -> None:
    async with database.connection() as connection:
        await list_events(connection, wanted, limit=PAGE)


async def _messages(wanted: MessageFilter, database: OneConnection) -> None:
    async with database.connection() as connection:
        await list_messages(connection, wanted, limit=PAGE)


async def _sessions(statuses: tuple[str, ...], database: OneConnection) -> None:
    async with database.connection() as connection:
        await list_sessions(connection, statuses=statuses, since=None, limit=PAGE)


async def _first_page(database: OneConnection) -> None:
    rows = await OrderList(database).page(None, SCREEN)
    async with database.connection() as connection:
        await connection.fetch(sql("read_last_events"), [row.order.id for row in rows])


async def _length(database: OneConnection) -> None:
    await OrderList(database).count()


async def _end(database: OneConnection) -> None:
    await OrderList(database).skip_from_end(PAGE)


async def _figures(database: OneConnection) -> None:
    await read_figures(database, datetime.now(UTC), "Europe/Vienna", livemode=False)


async def _arrivals(database: OneConnection) -> None:
    async with database.connection() as connection:
        await read_arrivals(connection, datetime.now(UTC) - timedelta(days=1), INTERVAL)


async def _owed(database: OneConnection) -> None:
    async with database.connection() as connection:
        await read_owed(connection, datetime.now(UTC) - timedelta(days=1), INTERVAL)


def _named(wanted: EventFilter | MessageFilter) -> str:
    given = [
        value
        for name in ("statuses", "types", "channels", "kinds")
        if (value := " ".join(getattr(wanted, name, ())))
    ]  # fmt: skip
    return " ".join(given) or "all"


async def measure(url: str, rounds: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the milliseconds of the longest statement of each read, and of all its statements (medians)."""
    connection = await asyncpg.connect(url)
    await settle(connection, PLANNER)
    [(session_id, order_id)] = await connection.fetch(
        "SELECT id, order_id::text FROM checkout_sessions ORDER BY id LIMIT 1"
    )
    newest = await connection.fetchval("SELECT max(number) FROM orders")
    database = OneConnection(connection)
    groups = reads(newest, session_id, order_id)
    taken: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    gc.disable()  # a collection in this process is no time of the database
    for number in range(rounds + 1):
        for group, every in groups.items():
            for name, read in every.items():
                database.taken = []
                await read(database)
                await asyncio.sleep(0)  # the loop notes the last statement in its next pass
                if number:  # the first round fills caches and makes plans
                    taken[group, name].append((max(database.taken), sum(database.taken)))
    gc.enable()
    await connection.close()
    found: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for (group, name), times in taken.items():
        longest, whole = zip(*times, strict=True)
        found[group][name] = statistics.median(longest), statistics.median(whole)
    return found


def report(found: Mapping[str, Mapping[str, tuple[float, float]]]) -> bool:
    """Print a line for each group and its slowest reads. Return whether every statement is quick enough."""
    quick = True
    print(f"{'':<22} reads  statement: median   p90   slowest   all statements: slowest, ms")
    for group, every in found.items():
        longest, whole = zip(*every.values(), strict=True)
        ranked = sorted(longest)
        p90 = ranked[min(int(0.9 * len(ranked)), len(ranked) - 1)]
        print(
            f"{group:<22} {len(every):>5} {statistics.median(ranked):>18.1f} {p90:>5.1f} {ranked[-1]:>9.1f}"
            f" {max(whole):>26.1f}"
        )
        slow = sorted(((one, name) for name, (one, _) in every.items() if one > GATE_MS), reverse=True)
        quick = quick and not slow
        for one, name in slow[:SHOWN]:
            print(f"{'':<22}   SLOW {one:.1f} ms: {name}")
    return quick


async def main(options: argparse.Namespace) -> int:
    """Fill, measure, print, and return the exit code."""
    async with running_cluster() as (cluster, _):
        url = cluster.url("postgres")
        await migrate(url)
        started = time.perf_counter()
        await add_history(url, options.orders)
        connection = await asyncpg.connect(url)
        await connection.execute(FROM_THE_START)
        await connection.execute("VACUUM (ANALYZE)", timeout=3600)
        await connection.close()
        print(f"{options.orders:,} orders made in {time.perf_counter() - started:.0f} s", flush=True)
        await calm()
        async with machine() as lateness:
            found = await measure(url, options.rounds)
        quick = report(found)
        print(f"meanwhile                 {lateness}")
        return 0 if quick else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    sys.exit(asyncio.run(main(parser.parse_args())))
