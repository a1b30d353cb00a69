"""Behind a transaction pooler: shoppers, deliveries and every kind of command; nothing is left for other clients."""

from __future__ import annotations

import asyncio
import json

from tests.faults.report import Options, Part, Result
from tests.faults.servers.pgbouncer import left_in_sessions, running_pgbouncer
from tests.faults.weather.shoppers import Shoppers, compare, endure, heal
from tests.faults.weather.world import World, world_without_daemon

LEAST_SECONDS = 10.0
DELIVERY_SECONDS = 10.0
_READING: tuple[tuple[str, ...], ...] = (
    ("orders", "list"),
    ("orders", "list", "--json", "--attention"),
    ("orders", "show", "FIRST"),
    ("orders", "explain", "FIRST"),
    ("orders", "export"),
    ("events", "list"),
    ("outbox", "list"),
    ("sessions", "list"),
    ("catalog", "list"),
    ("todo",),
    ("batches", "list"),
    ("db", "status"),
    ("webhook", "show"),
)
_CHANGING: tuple[tuple[str, ...], ...] = (
    ("reconcile", "--apply"),
    ("orders", "note", "FIRST", "called"),
    ("sessions", "sync", "FIRST"),
    ("events", "backfill", "--since", "1h"),
    ("catalog", "import", "catalog.csv"),
    ("orders", "cancel", "FIRST", "--yes"),
    ("db", "backup", "shop.dump"),
)
_WITHOUT_LISTEN_URL: tuple[tuple[str, ...], ...] = (
    ("serve", "--port", "0"),
    ("db", "migrate"),
    ("doctor",),
    ("orders", "watch"),
)


async def run(options: Options) -> list[Result]:
    """Run a shop whose DATABASE_URL leads through PgBouncer."""
    seconds = max(options.seconds / 20, LEAST_SECONDS)
    async with (
        world_without_daemon(options.directory) as world,
        running_pgbouncer(options.directory, world.postgres.url()) as through,
    ):
        world.environ |= {"DATABASE_URL": through, "DATABASE_LISTEN_URL": world.postgres.url()}
        shoppers = Shoppers(world)
        await world.start_daemon()
        try:
            counts, wrong = await endure(world, shoppers, seconds, delivery_seconds=DELIVERY_SECONDS, must_refuse=False)
            more, still = await heal(world, shoppers, 0)
            differences = [*wrong, *still, *await compare(world, shoppers)]
            results = [
                Result("every order and every acknowledged event is held once", counts | more, tuple(differences))
            ]
            results.append(await _commands(world))
            results.append(await _doctor(world))
            left = await left_in_sessions(through)
            results.append(Result("no setting is left for other clients of the pooler", {}, tuple(left)))
        finally:
            await world.stop_daemon()
        del world.environ["DATABASE_LISTEN_URL"]
        results.append(await _without_listen_url(world))
    return results


async def _ran(world: World, arguments: tuple[str, ...]) -> tuple[int, str]:
    """Run a command; FIRST is the number of the first order."""
    first = (await world.rows("SELECT min(number) FROM orders"))[0][0]
    return await world.command(*(first if argument == "FIRST" else argument for argument in arguments))


async def _commands(world: World) -> Result:
    status, printed = await world.command("catalog", "export")
    (world.directory / "catalog.csv").write_text(printed)
    wrong = [] if status == 0 else [f"catalog export: exit code {status}"]
    for group in (_READING, _CHANGING):  # all of a group at once
        ran = await asyncio.gather(*(_ran(world, arguments) for arguments in group))
        wrong += [
            f"{' '.join(arguments)}: exit code {status}: {printed.strip().splitlines()[-1:]}"
            for arguments, (status, printed) in zip(group, ran, strict=True)
            if status != 0 or "Traceback" in printed
        ]
    return Result("every command works", {"commands": len(_READING) + len(_CHANGING) + 1}, tuple(wrong))


async def _doctor(world: World) -> Result:
    wrong = []
    for _ in range(2):
        _, printed = await world.command("doctor", "--json")
        checks = {check["check"]: check for check in map(json.loads, printed.splitlines())}
        if not checks["database"]["ok"] or "through a pooler" not in checks["database"]["detail"]:
            wrong.append(checks["database"]["detail"])
        wrong += [
            f"{name}: {checks[name]['detail']}"
            for name in ("schema", "orders", "replication")
            if not checks[name]["ok"]
        ]
    return Result("the doctor finds the database well", {}, tuple(wrong))


async def _without_listen_url(world: World) -> Result:
    wrong = []
    for arguments in _WITHOUT_LISTEN_URL:
        status, printed = await world.command(*arguments)
        if "DATABASE_LISTEN_URL" not in printed or "Traceback" in printed or status not in (1, 2):
            wrong.append(f"{' '.join(arguments)}: exit code {status}: {printed[-300:]}")
    for arguments in _READING:
        status, printed = await _ran(world, arguments)
        if status != 0 and "DATABASE_LISTEN_URL" not in printed:
            wrong.append(f"{' '.join(arguments)}: exit code {status}: {printed[-300:]}")
    return Result("without DATABASE_LISTEN_URL, what needs it names it", {}, tuple(wrong))


PART = Part("pooler", "a shop behind PgBouncer in transaction mode, and other clients of the same pooler", run)
