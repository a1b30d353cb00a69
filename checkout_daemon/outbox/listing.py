"""Messages as operators list and show them, and having them sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from checkout_daemon.database.pool import Database
from checkout_daemon.database.records import pages
from checkout_daemon.errors import FieldError, InvalidRequest, NotFound
from checkout_daemon.outbox import outbox_store
from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine


@dataclass(frozen=True, slots=True)
class Replayed:
    """A message named to be sent again; `queued` is False where it was waiting to be sent anyway."""

    message: MessageLine
    queued: bool


def all_messages(
    database: Database, wanted: MessageFilter, *, limit: int | None = None
) -> AsyncIterator[list[MessageLine]]:
    """Return the pages of a list of messages, newest first, up to `limit` messages."""

    async def read(size: int, last: MessageLine | None) -> list[MessageLine]:
        async with database.connection() as connection:
            return await outbox_store.list_messages(connection, wanted, limit=size, after=last)

    return pages(read, limit)


async def show_message(database: Database, message_id: str) -> tuple[MessageLine, Any]:
    """A message with its payload as data, or None. Raises NotFound."""
    async with database.connection() as connection:
        found = await outbox_store.read_message(connection, _id(message_id))
    if found is None:
        raise NotFound(f"there is no message {message_id}")
    line, payload = found
    return line, None if payload is None else msgspec.json.decode(payload)


async def replay(database: Database, message_ids: Sequence[str]) -> list[Replayed]:
    """Have these sent again, as if they never had been tried; a daemon's job does it.

    Raises NotFound for the first that there is not, and then none is sent again.
    """
    lines = [(await show_message(database, each))[0] for each in dict.fromkeys(message_ids)]
    queued = await database.run(outbox_store.replay_messages, [line.id for line in lines])
    return [Replayed((await show_message(database, line.id))[0], line.id in queued) for line in lines]


async def replay_all(database: Database, wanted: MessageFilter) -> list[str]:
    """Have all that fit sent again; the ids of those that were not waiting anyway."""
    queued: list[str] = []
    async for page in all_messages(database, wanted):
        queued += await database.run(outbox_store.replay_messages, [line.id for line in page])
    return queued


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        detail = f"{text!r} is no id of a message: `checkout outbox list --json` shows them"
        raise InvalidRequest([FieldError("/message", "invalid_id", detail)]) from None
