"""Count which webhook secret signed the deliveries: an old secret may go once nothing arrives that it signed.

Counts are kept in memory and written every few seconds, so that they cost a delivery nothing. A crash loses those.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.endpoint_rules import fingerprint, masked

log = logging.getLogger(__name__)

_LATELY = timedelta(hours=24)
_RETENTION = timedelta(days=30)
_WRITE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Matches:
    """Deliveries that one secret signed since a time, and when it last signed one at all."""

    matches: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class UsedSecret:
    """`secret` is masked, or None if it is not in our settings. `matches` counts deliveries of the last 24 hours."""

    fingerprint: str
    secret: str | None
    matches: int
    last_matched_at: datetime | None


@dataclass(slots=True)
class _Count:
    """Deliveries that one secret signed, and the time of the last one in seconds since 1970."""

    matches: int = 0
    last_time: float = 0.0


class SecretMatches:
    """The counts of one daemon, which runs `write_for_ever` as a task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: dict[str, _Count] = {}

    def count(self, secret: str) -> None:
        """Count a delivery that this secret signed."""
        name = fingerprint(secret)
        if (counted := self._counted.get(name)) is None:
            counted = self._counted[name] = _Count()
        counted.matches += 1
        counted.last_time = time.time()

    async def write_for_ever(self) -> None:
        """Write the counts again and again until cancelled; call `write` once more then."""
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Add the counts to the stored ones. If that fails they are written next time."""
        counted, self._counted = self._counted, {}
        if not counted:
            return
        matches = [found.matches for found in counted.values()]
        last_at = [datetime.fromtimestamp(found.last_time, UTC) for found in counted.values()]
        try:
            async with self._database.connection() as connection:
                await connection.execute(sql("count_secret_matches"), list(counted), matches, last_at)
        except DatabaseUnavailable:
            for name, found in counted.items():
                later = self._counted.setdefault(name, _Count())
                later.matches += found.matches
                later.last_time = max(later.last_time, found.last_time)
        except Exception:  # a daemon that cannot count must still accept deliveries
            log.exception("the counts of webhook secrets could not be written")


async def matches_lately(database: Database) -> dict[str, Matches]:
    """Return each secret's deliveries of the last 24 hours by fingerprint, the last used first."""
    async with database.connection() as connection:
        rows = await connection.fetch(sql("read_secret_matches"), datetime.now(UTC) - _LATELY)
    return {row["fingerprint"]: Matches(row["matches"], row["last_at"]) for row in rows}


async def used_secrets(database: Database, secrets: Sequence[str]) -> list[UsedSecret]:
    """Return the secrets of our settings in their order, then others that signed deliveries lately."""
    matches = await matches_lately(database)
    shown = {fingerprint(secret): masked(secret) for secret in secrets}
    names = [*shown, *(name for name, found in matches.items() if name not in shown and found.matches)]
    return [
        UsedSecret(name, shown.get(name), found.matches if found else 0, found.last_at if found else None)
        for name in names
        for found in [matches.get(name)]
    ]


async def forget_old_matches(runtime: Runtime) -> None:
    """Delete the counts that are older than their retention, except the last one of each secret."""
    async with runtime.database.connection() as connection:
        await connection.execute(sql("forget_secret_matches"), await read_now(connection) - _RETENTION)
