"""Daemons are restarted, and killed, one after the other while the shop is in use: no client sees an error.

Two daemons of two workers each are behind nginx with deploy/nginx.conf. For the restarts, nginx may not repeat a POST
at the other daemon: the daemon alone must see to it that no request is lost. A killed daemon cannot, so there nginx has
its configuration as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.faults.report import Options, Part, Result
from tests.faults.rolling.fleet import Daemon, Fleet, running_fleet

ROUNDS = 20
_PAUSE_SECONDS = 1.0


async def _stopped(daemon: Daemon) -> None:
    await daemon.stop()


async def _killed(daemon: Daemon) -> None:
    await daemon.kill()


async def _rounds(fleet: Fleet, end: Callable[[Daemon], Awaitable[None]]) -> None:
    """End and start each daemon in turn."""
    async with fleet.in_use():
        await asyncio.sleep(_PAUSE_SECONDS)
        for turn in range(ROUNDS):
            daemon = fleet.daemons[turn % len(fleet.daemons)]
            await end(daemon)
            await daemon.start(fleet.world.http)
            await asyncio.sleep(_PAUSE_SECONDS)


async def run(options: Options) -> list[Result]:
    """Restart, then kill."""
    results = []
    for name, end, repeat_posts, promise in (
        ("restarts", _stopped, False, "daemons are restarted one after the other, and no request fails"),
        ("kills", _killed, True, "daemons are killed one after the other, and nginx asks the other one"),
    ):
        directory = options.directory / name
        directory.mkdir()
        async with running_fleet(directory, options.seed, repeat_posts=repeat_posts) as fleet:
            await _rounds(fleet, end)
            results.append(Result(promise, {name: ROUNDS} | fleet.counts(), tuple(await fleet.differences())))
    return results


PART = Part("restarts", "two daemons behind nginx are restarted and killed in turn while the shop is in use", run)
