"""Read the balance at Stripe: a job keeps its lines and payouts up to date, with a cursor and below Stripe's rate.

Stripe's events carry no fees, so no delivery waits for any of this: what one carries about the balance only has the job
look at once. A shop without orders asks Stripe nothing. Whatever is read twice is stored once.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from checkout_daemon.bank.bank_store import (
    CURSORS,
    BalanceRead,
    last_reading,
    note_lines_read,
    payouts_to_read,
    write_lines,
    write_payouts,
)
from checkout_daemon.bank.records import line_of, payout_of
from checkout_daemon.database.leases import Lease, leased
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import StripeRejected
from checkout_daemon.ledger.event_types import BALANCE_TYPES
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.balance import lines_between, lines_of_payout, payouts_since
from checkout_daemon.stripe_api.client import StripeDenied, StripeForbidden
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_api.throttle import at_most

_log = logging.getLogger(__name__)

READ_EVERY = timedelta(minutes=5)
"""How often the lines are read without an event that asks for it."""
_PAYOUTS_EVERY = timedelta(hours=1)
_REFUSED_FOR = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(minutes=5)
# Stripe may list a line a while after the time that it has. A payout lists whatever was missed all the same.
_OVERLAP = timedelta(minutes=10)
_WINDOW = timedelta(days=7)
_WINDOWS_A_TURN = 20
_BEFORE_THE_FIRST_ORDER = timedelta(days=1)
_STATUS_MOVES_FOR = timedelta(days=35)  # a payout fails within five working days, hardly ever later
_PAYOUTS_A_TURN = 50
_CALLS_PER_SECOND = 5.0


async def read_balance(runtime: Runtime, *, at_once: bool = False) -> int:
    """Read what is new since the last time, and return how many lines and payouts were new or have changed.

    A turn that is due reads at most twenty weeks; the next one continues. `at_once`: read although none is due.
    Raise StripeUnavailable, StripeRejected and DatabaseUnavailable: what was stored stays stored.
    """
    async with runtime.database.connection() as connection:
        read, saved_at = await last_reading(connection, livemode=runtime.settings.livemode)
        if read is not None and not at_once and not await _is_due(connection, read, saved_at):
            return 0
        first = await connection.fetchval(sql("first_order_at"), runtime.settings.livemode)
        if first is None:
            return 0
    began = first.astimezone(UTC) - _BEFORE_THE_FIRST_ORDER
    async with leased(runtime.database, CURSORS[runtime.settings.livemode]) as lease:
        if lease is None:
            return 0
        read = None if lease.value is None else msgspec.json.decode(lease.value, type=BalanceRead)
        if read is None or began < read.began:  # the first time, or older orders were imported since
            read = BalanceRead(began, began)
        reader = _Reader(runtime, lease, read)
        try:
            return await reader.read_all(at_once=at_once)
        except StripeForbidden as error:
            _log.warning("the balance is not read: %s", error.detail)
            await reader.save(refused_at=datetime.now(UTC))
            return 0


async def _is_due(connection: asyncpg.Connection, read: BalanceRead, saved_at: datetime) -> bool:
    now = datetime.now(UTC)
    refused_at = _unless_ahead(read.refused_at, now)
    if refused_at is not None:
        return now >= refused_at + _REFUSED_FOR
    if _unless_ahead(saved_at, now) is None or now >= saved_at + READ_EVERY:
        return True
    newest = await connection.fetchval(sql("newest_balance_event"), list(BALANCE_TYPES))
    return newest is not None and newest > saved_at


def _unless_ahead(time: datetime | None, now: datetime) -> datetime | None:
    """Return a stored time, or None if it is in the future: the clock was wrong when it was stored."""
    return None if time is None or time > now + _CLOCKS_DIFFER else time


class _Reader:
    """One turn of reading, which saves its place as it goes."""

    def __init__(self, runtime: Runtime, lease: Lease, read: BalanceRead) -> None:
        self._runtime = runtime
        self._lease = lease
        self._read = read
        self._livemode = runtime.settings.livemode
        self._pace = at_most(_CALLS_PER_SECOND)

    async def save(self, **changes: datetime | None) -> None:
        """Save how far the balance was read, and renew the lease."""
        self._read = msgspec.structs.replace(self._read, **changes)
        await self._lease.save(msgspec.json.encode(self._read).decode())

    async def read_all(self, *, at_once: bool) -> int:
        """Read lines, then payouts, then the lines of payouts that are complete."""
        now = await stripe_time(self._runtime.gateway)
        changed = await self._read_lines(now)
        if self._read.until < now:  # more weeks are left: payouts of a time whose lines are not known can wait
            return changed
        changed += await self._read_payouts(now, at_once=at_once)
        await self._read_lines_of_payouts()
        return changed

    async def _read_lines(self, now: datetime) -> int:
        changed = 0
        for _ in range(_WINDOWS_A_TURN):
            since = self._read.until - _OVERLAP
            until = min(self._read.until + _WINDOW, now)
            listing = lines_between(self._runtime.gateway, int(since.timestamp()), int(until.timestamp()), self._pace)
            async with aclosing(listing) as listed:
                async for page in listed:
                    lines = [line_of(found.object, livemode=self._livemode) for found in page]
                    changed += await self._runtime.database.run(write_lines, lines)
                    await self.save()
            await self.save(until=until, refused_at=None)
            if until >= now:
                break
        return changed

    async def _read_payouts(self, now: datetime, *, at_once: bool) -> int:
        async with self._runtime.database.connection() as connection:
            newest = await connection.fetchval(sql("newest_balance_event"), list(BALANCE_TYPES))
        began_at = datetime.now(UTC)
        before = _unless_ahead(self._read.payouts_at, began_at)
        asked = newest is not None and before is not None and newest > before
        if before is not None and not at_once and not asked and began_at < before + _PAYOUTS_EVERY:
            return 0
        # From where the last listing left off, however long ago, and as far back as a status may have moved since.
        since = self._read.began if before is None else max(self._read.began, min(before, now) - _STATUS_MOVES_FOR)
        changed = 0
        async with aclosing(payouts_since(self._runtime.gateway, int(since.timestamp()))) as listed:
            async for page in listed:
                payouts = [payout_of(found.object, livemode=self._livemode) for found in page]
                changed += await self._runtime.database.run(write_payouts, payouts)
                await self.save()
                await self._pace()
        await self.save(payouts_at=began_at)
        return changed

    async def _read_lines_of_payouts(self) -> None:
        async with self._runtime.database.connection() as connection:
            waiting = await payouts_to_read(connection, _PAYOUTS_A_TURN, livemode=self._livemode)
        for payout_id in waiting:
            await self._pace()
            try:
                await read_payout_lines(self._runtime, payout_id)
            except StripeDenied:
                raise
            except StripeRejected as error:  # deleted test data, for example: asking again would hold up the others
                _log.warning("the lines of payout %s cannot be read: %s", payout_id, error.detail)
                async with self._runtime.database.connection() as connection:
                    await note_lines_read(connection, payout_id, datetime.now(UTC))
            await self.save()


async def read_payout_lines(runtime: Runtime, payout_id: str) -> int:
    """Read all lines of an automatic payout from Stripe, and return how many were new to us or to the payout."""
    changed = 0
    async with aclosing(lines_of_payout(runtime.gateway, payout_id)) as listed:
        async for page in listed:
            lines = [line_of(found.object, livemode=runtime.settings.livemode, payout_id=payout_id) for found in page]
            changed += await runtime.database.run(write_lines, lines)
    async with runtime.database.connection() as connection:
        await note_lines_read(connection, payout_id, datetime.now(UTC))
    return changed
