"""List and show messages for operators."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import pages
from checkout_daemon.errors import FieldError, InvalidRequest, NotFound
from checkout_daemon.outbox import outbox_store
from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine

_DIGITS = re.compile(r"[0-9a-f]{8,32}")


def all_messages(
    database: Readable, wanted: MessageFilter, *, limit: int | None = None, after: MessageLine | None = None
) -> AsyncIterator[list[MessageLine]]:
    """Return the pages of a list of messages, newest first, up to `limit` messages; those after a message, if given."""

    async def read(size: int, last: MessageLine | None) -> list[MessageLine]:
        async with database.connection() as connection:
            return await outbox_store.list_messages(connection, wanted, limit=size, after=last)

    return pages(read, limit, after=after)


async def show_message(database: Readable, message_id: str) -> tuple[MessageLine, Any]:
    """Return a message and its decoded payload, if it has one. The beginning of an id is enough if no other has it.

    Raise NotFound or InvalidRequest.
    """
    first, last = _ids(message_id)
    async with database.connection() as connection:
        ids = [first] if first == last else await outbox_store.ids_between(connection, first, last, limit=2)
        if len(ids) > 1:
            detail = f"{message_id!r} is how several messages begin: `checkout outbox list --json` shows the ids"
            raise InvalidRequest([FieldError("/message", "invalid_id", detail)])
        found = await outbox_store.read_message(connection, ids[0]) if ids else None
    if found is None:
        raise NotFound(f"message {message_id} does not exist: `checkout outbox list` shows the messages")
    line, payload = found
    return line, None if payload is None else msgspec.json.decode(payload)


async def named_messages(database: Readable, message_ids: Sequence[str]) -> list[MessageLine]:
    """Return the messages with these ids. Raise NotFound or InvalidRequest."""
    return [(await show_message(database, message_id))[0] for message_id in dict.fromkeys(message_ids)]


def _ids(text: str) -> tuple[str, str]:
    """Return the first and the last id that begin so; twice the same one for a whole id. Raise InvalidRequest."""
    digits = text.replace("-", "").lower()
    if not _DIGITS.fullmatch(digits):
        detail = f"{text!r} is not the id of a message: `checkout outbox list --json` shows the ids"
        raise InvalidRequest([FieldError("/message", "invalid_id", detail)])
    return str(UUID(digits.ljust(32, "0"))), str(UUID(digits.ljust(32, "f")))
