"""What could not be applied, by its cause: so that a mend and one replay put right all of it."""

from __future__ import annotations

from checkout_daemon.store.database import Database
from checkout_daemon.store.event_reads import ErrorGroup, list_error_groups


async def dead_letters(database: Database) -> list[ErrorGroup]:
    """The causes for which events failed or are dead, the one that struck last first."""
    async with database.connection() as connection:
        return await list_error_groups(connection)
