"""Follows the changes of orders as they happen: every change once, none missed, even across a lost connection.

NOTIFY only signals that there is something to read, and can be lost, so we also poll every few seconds. A change is new
if it is visible in the database's current snapshot and was not in the previous one, so it does not matter if concurrent
transactions commit in another sequence than that of their numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.backoff import reconnecting
from checkout_daemon.database.away import unavailable_when_away
from checkout_daemon.database.listening import check_still_primary, listening, wait
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.ledger.change_log import ChangeLine, read_changes_between, read_changes_since, read_snapshot
from checkout_daemon.ledger.order_states import CHANNEL

POLL_SECONDS = 5.0
_PAGE = 5000


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection was lost; we are reconnecting."""

    reason: str


@dataclass(frozen=True, slots=True)
class Regained:
    """The connection is back; changes made meanwhile come next."""


ConnectionChange = Lost | Regained


@dataclass(slots=True)
class _Place:
    """How far the log was read: all changes visible in `done` (or before `since`), and those in `now` up to `seq`."""

    since: datetime | None
    done: str | None = None
    now: str | None = None
    seq: int = 0

    @property
    def begun(self) -> bool:
        return self.done is not None or self.now is not None


async def follow_changes(
    url: str,
    *,
    since: datetime | None = None,
    on_trouble: Callable[[ConnectionChange], None] = lambda _: None,
    on_ready: Callable[[], None] = lambda: None,
    poll_seconds: float = POLL_SECONDS,
) -> AsyncGenerator[list[ChangeLine], None]:
    """Yield batches of changes from now on, or since a time, by sequence number. It ends only when it is closed.

    `url` must be direct, because LISTEN does not pass a pooler. Raise DatabaseUnavailable if the first connection
    fails. `on_ready` is called once, when no later change will be missed. Close it with `contextlib.aclosing`.
    """
    place = _Place(since)
    ready = lost = False
    pauses = reconnecting()
    while True:
        try:
            async with listening(url, CHANNEL) as (connection, news):
                while True:
                    news.clear()
                    if place.done is None and place.since is None:
                        with unavailable_when_away():
                            place.done = await read_snapshot(connection)
                    if not ready:
                        on_ready()
                        ready = True
                    async for changes in _new_changes(connection, place):
                        if lost:
                            on_trouble(Regained())
                            lost = False
                            pauses.reset()
                        if changes:
                            yield changes
                    check_still_primary(connection, url)
                    await wait(news, poll_seconds)
        except DatabaseUnavailable as error:
            if not place.begun:
                raise
            if not lost:
                on_trouble(Lost(error.detail))
                lost = True
        await asyncio.sleep(pauses.next())


async def _new_changes(connection: asyncpg.Connection, place: _Place) -> AsyncIterator[list[ChangeLine]]:
    """Yield all changes up to now in pages; the last may be empty. Resume where it stopped on a new connection."""
    half_read = place.now is not None  # the connection was lost in between: a newer snapshot must follow
    while True:
        with unavailable_when_away():
            if place.now is None:
                place.now, place.seq = await read_snapshot(connection), 0
            changes = await _read_page(connection, place, place.now)
        whole = len(changes) < _PAGE
        # Recorded before the changes are yielded: once yielded, they must not come again.
        if whole:
            place.done, place.now = place.now, None
        else:
            place.seq = changes[-1].seq
        yield changes
        if whole and not half_read:
            return
        half_read = half_read and not whole


async def _read_page(connection: asyncpg.Connection, place: _Place, now: str) -> list[ChangeLine]:
    if place.done is not None:
        return await read_changes_between(connection, place.done, now, after_seq=place.seq, limit=_PAGE)
    assert place.since is not None
    return await read_changes_since(connection, place.since, now, after_seq=place.seq, limit=_PAGE)
