"""Remembers which webhook secret signed what came: a secret may go once nothing comes that it signed.

Counted in memory and written every few seconds, so that a delivery pays nothing for it; a crash loses that much.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checkout_daemon.database.pool import Database
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_sync.secret_match_store import Matches, count_matches, forget_matches, read_matches
from checkout_daemon.stripe_sync.secret_names import fingerprint, masked

log = logging.getLogger(__name__)

LATELY = timedelta(hours=24)
KEPT = timedelta(days=30)
WRITE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class UsedSecret:
    """`secret` is masked; None where it is not among our settings. `matches`: deliveries in the last 24 hours."""

    fingerprint: str
    secret: str | None
    matches: int
    last_matched_at: datetime | None


class SecretMatches:
    """What one daemon counts; `write_for_ever` is its task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: dict[str, Matches] = {}

    def count(self, secret: str) -> None:
        """A delivery that this secret signed."""
        name = fingerprint(secret)
        before = self._counted.get(name)
        self._counted[name] = Matches(1 + (before.matches if before else 0), datetime.now(UTC))

    async def write_for_ever(self) -> None:
        """Until cancelled; call `write` once more then."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """What cannot be written now is written with the next."""
        counted, self._counted = self._counted, {}
        if not counted:
            return
        try:
            async with self._database.connection() as connection:
                await count_matches(connection, counted)
        except DatabaseUnavailable:
            self._keep(counted)
        except Exception:  # a daemon whose counting fails must go on taking deliveries
            log.exception("which webhook secrets matched could not be written")

    def _keep(self, counted: dict[str, Matches]) -> None:
        for name, each in counted.items():
            newer = self._counted.get(name)
            total = each.matches + (newer.matches if newer else 0)
            self._counted[name] = Matches(total, newer.last_at if newer else each.last_at)


async def matches_lately(database: Database) -> dict[str, Matches]:
    """By fingerprint: deliveries of the last 24 hours, and the last one's time."""
    async with database.connection() as connection:
        return await read_matches(connection, datetime.now(UTC) - LATELY)


async def used_secrets(database: Database, secrets: Sequence[str]) -> list[UsedSecret]:
    """Those of our settings, in their order, then others that daemons know."""
    matches = await matches_lately(database)
    shown = {fingerprint(each): masked(each) for each in secrets}
    names = [*shown, *(name for name, each in matches.items() if name not in shown and each.matches)]
    return [
        UsedSecret(name, shown.get(name), each.matches if each else 0, each.last_at if each else None)
        for name in names
        for each in [matches.get(name)]
    ]


async def forget_old_matches(runtime: Runtime) -> None:
    """Delete counts older than the retention period."""
    async with runtime.database.connection() as connection:
        await forget_matches(connection, await read_now(connection) - KEPT)
