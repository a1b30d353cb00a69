"""A primary with its synchronous standby, either of which a test can kill: the other takes over."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.replication import new_server

# A clock that jumps is not a lost connection, and a lost one is tried again soon.
_SETTINGS = {"wal_sender_timeout": "0", "wal_receiver_timeout": "0", "wal_retrieve_retry_interval": "200ms"}


class Pair:
    """Two servers. The URL names both, and clients find the one that takes writes."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        """Keep the servers' files in a directory, and give them these variables."""
        self._directory = directory
        self._environ = environ
        self._servers = AsyncExitStack()
        self.fail_overs = 0

    @property
    def url(self) -> str:
        hosts = f"{self._primary.address},{self._standby.address}"
        return f"postgresql://checkout@{hosts}/checkout?target_session_attrs=read-write"

    async def start(self) -> None:
        self._primary = await self._servers.enter_async_context(new_server(self._directory, "one"))
        self._standby = await self._servers.enter_async_context(new_server(self._directory, "other"))
        self._primary.environ = self._standby.environ = self._environ
        await self._primary.create(**_SETTINGS)
        await self._standby.follow(self._primary, **_SETTINGS)

    async def stop(self) -> None:
        await self._servers.aclose()

    async def crash(self) -> None:
        """Kill every process of the primary, and start it again: it recovers from its log."""
        await self._primary.kill()
        await self._start_again()

    async def restart(self, how: signal.Signals) -> None:
        """Stop the primary cleanly (SIGINT) or at once (SIGQUIT), and start it again."""
        process = self._primary.process
        assert process is not None
        process.send_signal(how)
        await process.wait()
        await self._start_again()

    async def _start_again(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    await self._primary.start(**_SETTINGS)
                    break
                except AssertionError:  # the last processes of the killed server are still ending
                    await asyncio.sleep(0.2)
        await self._primary.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'")

    async def fail_over(self) -> None:
        """Lose the primary, promote the standby, and make a new standby in the place of the lost one."""
        lost, self._primary = self._primary, self._standby
        await lost.kill()
        await self._primary.promote()
        self._standby = lost
        await self._standby.follow(self._primary, **_SETTINGS)
        self.fail_overs += 1
