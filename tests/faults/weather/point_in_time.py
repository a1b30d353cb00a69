"""The database is lost while the shop sells, and comes back as it was at a moment of that time, from its archived log.

A base backup is taken under load with pg_basebackup, and archive_command copies each finished file of the log. The
server is killed and its files are deleted; the base backup is restored to a moment between the backup and the loss.
What happened after it must come from Stripe.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from datetime import datetime
from pathlib import Path

from checkout_daemon.dev.postgres import USER
from tests.faults.report import Options, Part, Result
from tests.faults.weather.restore import LEAST_SECONDS, Sales, fill_the_gap
from tests.faults.weather.world import World, running_world

_ARCHIVED = "SELECT last_archived_wal >= $1 FROM pg_stat_archiver"
_ARCHIVE_SECONDS = 60.0


class Archive:
    """The base backup and the archived log of a world's server, which owns both folders."""

    def __init__(self, world: World, log: Path) -> None:
        self._world = world
        self._log = log
        self._data = Path(world.postgres._record.home) / "data"
        self._base = self._data.with_name("base")

    async def back_up(self) -> None:
        """Take the base backup."""
        postgres = self._world.postgres
        await postgres._run_tool(
            "pg_basebackup", f"--pgdata={self._base}", "--checkpoint=fast", "--no-password",
            *("--host=127.0.0.1", f"--port={postgres.port}", f"--username={USER}"),
        )  # fmt: skip

    async def catch_up(self) -> None:
        """Wait until all that is in the log now is archived."""
        [row] = await self._world.rows("SELECT pg_walfile_name(pg_switch_wal())")
        async with asyncio.timeout(_ARCHIVE_SECONDS):
            while not (await self._world.rows(_ARCHIVED, row[0]))[0][0]:  # noqa: ASYNC110 - the server's
                await asyncio.sleep(0.1)

    async def lose(self) -> None:
        """Kill the server and delete its files."""
        postgres = self._world.postgres
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        await postgres.wait()
        await postgres.stop()
        await asyncio.to_thread(shutil.rmtree, self._data)

    async def restore(self, moment: datetime) -> None:
        """Start the server as it was at a moment."""
        self._base.rename(self._data)
        settings = {
            "restore_command": f"cp {self._log}/%f %p", "recovery_target_time": moment.isoformat(),
            "recovery_target_action": "promote",
        }  # fmt: skip
        with (self._data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        signal_file = self._data / "recovery.signal"
        signal_file.touch()
        shutil.chown(signal_file, self._world.postgres._account.uid)
        await self._world.postgres.start()


async def run(options: Options) -> list[Result]:
    """Sell, back up, sell, lose everything, restore a moment, and compare with Stripe."""
    seconds = max(options.seconds / 20, LEAST_SECONDS)
    log = options.directory / "archive"
    log.mkdir(mode=0o777)
    log.chmod(0o777)  # PostgreSQL runs as another user
    settings = {"archive_mode": "on", "archive_command": f"test ! -e {log}/%f && cp %p {log}/%f"}
    async with running_world(options.directory, settings) as world:
        sales = Sales(world, options.seed)
        archive = Archive(world, log)
        selling = asyncio.create_task(sales.go_on(4 * seconds))
        await asyncio.sleep(seconds)
        await archive.back_up()
        await asyncio.sleep(seconds)
        held = {row[0] for row in await world.rows("SELECT id FROM orders")}
        [[moment]] = await world.rows("SELECT clock_timestamp()")
        await selling
        await archive.catch_up()
        [[last]] = await world.rows("SELECT count(*) FROM orders")
        assert world.daemon is not None
        world.daemon.kill()
        await world.daemon.wait()
        await archive.lose()
        await archive.restore(moment)
        restored = {row[0] for row in await world.rows("SELECT id FROM orders")}
        counts, wrong = await fill_the_gap(world, sales)
        wrong += [f"order {order} was placed before the moment and is not restored" for order in held - restored]
        if not held <= restored or len(restored) >= last:
            wrong.append(f"{len(restored)} orders were restored: {len(held)} before the moment, {last} in all")
        counts |= {"orders_before": last, "before_the_moment": len(held), "log_files": len(list(log.iterdir()))}
        return [Result("what a moment in the past lacks comes from Stripe", counts, tuple(wrong))]


PART = Part("point-in-time", "a loss, a moment restored from the archived log, and the gap filled from Stripe", run)
