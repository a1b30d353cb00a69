"""The previous release and this one work side by side on one database, while this one migrates it.

Two daemons of the previous release are behind nginx and in use. One is replaced by this release, which migrates; both
work on for a while; the other is replaced too. Then the way back: one daemon of the previous release is started beside
this one, on the newer schema. `--previous` names another release.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from checkout_daemon.database.migrations import code_version
from tests.faults.report import Options, Part, Result
from tests.faults.rolling.fleet import Daemon, Fleet, running_fleet
from tests.faults.rolling.releases import Release, install

LEAST_SECONDS = 20.0
_FINISH_SECONDS = 120.0


async def run(options: Options) -> list[Result]:
    """Upgrade, and go back, under load."""
    release = await asyncio.to_thread(install, options.directory / "previous", options.previous)
    seconds = max(options.seconds / 20, LEAST_SECONDS)
    directory = options.directory / "shop"
    directory.mkdir()
    async with running_fleet(
        directory, options.seed, repeat_posts=True, release=release.environ, prepare=release.prepare
    ) as fleet:
        was = await _version(fleet)
        old = list(fleet.daemons)
        new = [replace(daemon, environ=fleet.world.environ, drains=True) for daemon in old]
        async with fleet.in_use():
            await asyncio.sleep(seconds / 4)
            begun = time.monotonic()
            await _replace(fleet, 0, new[0])
            migrated = time.monotonic() - begun
            await _finished(fleet)
            await asyncio.sleep(seconds)
            beside = await _served(fleet)
            await _replace(fleet, 1, new[1])
            await asyncio.sleep(seconds / 4)
            await _replace(fleet, 0, old[0])
            await asyncio.sleep(seconds)
        counts: dict[str, object] = {
            "previous": f"{release.commit}, schema {was}", "this": f"schema {await _version(fleet)}",
            "replaced_and_migrated_s": round(migrated, 1), "served_side_by_side": beside,
        }  # fmt: skip
        wrong = await fleet.differences()
        wrong += _versions_differ(was, release, await _version(fleet))
    promise = "the previous release and this one work side by side, and back, without an error"
    return [Result(promise, counts | fleet.counts(), tuple(wrong))]


async def _replace(fleet: Fleet, place: int, by: Daemon) -> None:
    """Stop a daemon, and start the other release on its port."""
    await fleet.daemons[place].stop()
    fleet.daemons[place] = by
    await by.start(fleet.world.http)


async def _finished(fleet: Fleet) -> None:
    """Wait until indexes are built and rows filled."""
    async with asyncio.timeout(_FINISH_SECONDS):
        while (await fleet.world.rows("SELECT count(*) FROM schema_backfills"))[0][0]:  # noqa: ASYNC110 - a daemon's
            await asyncio.sleep(0.2)


async def _version(fleet: Fleet) -> int:
    [row] = await fleet.world.rows("SELECT max(version) FROM schema_migrations")
    return int(row[0])


async def _served(fleet: Fleet) -> dict[str, int]:
    """Return how many requests each of the daemons has answered."""
    served = {}
    for name, daemon in zip(("this", "previous"), fleet.daemons, strict=True):
        async with fleet.world.http.get(f"http://127.0.0.1:{daemon.port}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        served[name] = sum(
            int(float(line.rpartition(" ")[2])) for line in lines
            if line.startswith("checkout_http_requests_total{") and "/readyz" not in line
        )  # fmt: skip
    return served


def _versions_differ(was: int, release: Release, now: int) -> list[str]:
    wrong = [] if was == release.version else [f"the previous release made schema {was}, not {release.version}"]
    return wrong + ([] if was < now == code_version() else [f"nothing was migrated: schema {was}, then {now}"])


PART = Part("upgrade", "the previous release and this one side by side during a migration, under load", run)
