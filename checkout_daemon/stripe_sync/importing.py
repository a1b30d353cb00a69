"""Import what another system sold through the same Stripe account, oldest first. Safe to repeat, and to interrupt.

The time is walked in spans. Of each, the sessions, PaymentIntents and charges made in it are listed, and those that
were paid and belong to no order become orders, each in a transaction of its own. The end of the last span that is done
is saved: the next run continues there, and finds what was done after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import msgspec

from checkout_daemon.audit.audit_log import OperatorAction, check_note, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.backoff import BUSY_STRIPE_SECONDS
from checkout_daemon.database.leases import Lease, leased
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError, StripeRejected, StripeUnavailable
from checkout_daemon.ledger.own_account import remember_account
from checkout_daemon.ledger.translate import dispute, refund
from checkout_daemon.ledger.translate.named_orders import named_order
from checkout_daemon.ledger.translate.stripe_objects import (
    ObjectSnapshot,
    UnreadableObject,
    child,
    livemodes,
    stripe_id,
)
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import Fetched
from checkout_daemon.stripe_api.history import is_of_session, made_between
from checkout_daemon.stripe_api.payments import list_disputes, list_refunds
from checkout_daemon.stripe_api.sessions import list_lines
from checkout_daemon.stripe_api.throttle import CALLS_PER_SECOND, Pace, at_most
from checkout_daemon.stripe_sync.customer_file import KnownCustomers
from checkout_daemon.stripe_sync.imported_orders import (
    ImportedOrder,
    NotImportable,
    imported_order,
    imported_sources,
    insert_imported,
    is_known,
)

T = TypeVar("T")

CURSOR = "import stripe"
_FIRST_SPAN, _LONGEST_SPAN = timedelta(hours=6), timedelta(days=120)
_FEW, _MANY = 150, 600  # objects of a span: then the next one is longer or shorter
_SAVED_EVERY = 20  # orders; it keeps the lease
_KINDS = ("checkout.session", "payment_intent", "charge")  # in this sequence, those of the same second


class Fate(StrEnum):
    """What became of an object. OF_SESSION: the payment of a session that was made before, or was refused."""

    IMPORTED = "imported"
    HERE = "here"
    OURS = "ours"
    UNPAID = "unpaid"
    OF_SESSION = "of_session"
    OTHER = "other"
    REFUSED = "refused"


class ImportUnderWay(CheckoutError, code="import_under_way", status=409, title="Another import is running"):
    """Another process imports."""


class OtherAccount(CheckoutError, code="other_account", status=409, exit_code=4, title="The key is of another account"):
    """The orders of this shop are of another Stripe account than the key."""


class UnknownAccount(CheckoutError, code="unknown_account", status=409, exit_code=4, title="The key hides its account"):
    """The key may not read which account it is of, and this shop's orders are of a known one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one object at Stripe. `number`: of the order it became. `why`: it was refused."""

    id: str
    fate: Fate
    number: int | None = None
    amount_total: int | None = None
    currency: str | None = None
    why: str | None = None


class ImportRun(msgspec.Struct):
    """The progress of a run. `at`: everything that was made before is done.

    `fates`: how many objects had each, since the run began or was continued. `livemode`: of its key; None: it was saved
    by a release that did not keep that.
    """

    since: datetime
    until: datetime
    at: datetime
    begun_at: datetime
    fates: dict[str, int] = msgspec.field(default_factory=dict)
    livemode: bool | None = None

    def count(self, fate: Fate) -> int:
        """Return how many objects had this fate."""
        return self.fates.get(fate.value, 0)


async def import_orders(
    runtime: Runtime,
    *,
    since: datetime,
    until: datetime,
    operator: Operator,
    note: str = "",
    customers: KnownCustomers | None = None,
    dry_run: bool = False,
    calls_per_second: float = CALLS_PER_SECOND,
    on_start: Callable[[ImportRun], None] = lambda _: None,
    on_seen: Callable[[Seen], None] = lambda _: None,
    on_span: Callable[[ImportRun], None] = lambda _: None,
) -> ImportRun:
    """Import what was paid and made between two times by Stripe's clock, and return what became of all that was listed.

    Continue a run of the same `since` and mode that was interrupted. With `dry_run` nothing is written. Raise
    ImportUnderWay, OtherAccount and UnknownAccount, and StripeUnavailable, StripeRejected and DatabaseUnavailable:
    after those the next run continues.
    """
    note = check_note(note)
    pace = at_most(calls_per_second)
    account = await _check_account(runtime, pace, dry_run=dry_run)
    async with _lease(runtime, dry_run=dry_run) as lease:
        run = _resumed(lease, since, until, livemode=runtime.settings.livemode)
        on_start(run)
        details = {"since": run.since.isoformat(), "until": run.until.isoformat(), "account": account}
        if lease is not None:
            action = OperatorAction("orders.import_begun", operator, note, details)
            await runtime.database.run(record_without_order, [action])
        importer = _Importer(runtime, pace, customers or KnownCustomers(), operator.actor, dry_run=dry_run, lease=lease)
        span = _FIRST_SPAN
        while run.at < run.until:
            end = min(run.at + span, run.until)
            listed = await _patiently(partial(importer.list_made, run.at, end))
            fates = dict(run.fates)
            async for seen in importer.take_all(listed, run):
                fates[seen.fate.value] = fates.get(seen.fate.value, 0) + 1
                on_seen(seen)
            run.at, run.fates = end, fates
            if lease is not None:
                await lease.save(_encoded(run))
            on_span(run)
            span = min(span * 2, _LONGEST_SPAN) if len(listed) < _FEW else span / 2 if len(listed) > _MANY else span
        if lease is not None:
            action = OperatorAction("orders.imported", operator, note, details | {"objects": run.fates})
            await runtime.database.run(record_without_order, [action])
            await lease.save(None)
    return run


class _Importer:
    def __init__(
        self,
        runtime: Runtime,
        pace: Pace,
        customers: KnownCustomers,
        actor: str,
        *,
        dry_run: bool,
        lease: Lease | None,
    ) -> None:
        self._runtime = runtime
        self._pace = pace
        self._customers = customers
        self._actor = actor
        self._dry_run = dry_run
        self._lease = lease
        self._of_sessions: set[str] = set()
        """PaymentIntents of sessions that this run has seen."""

    async def list_made(self, begin: datetime, end: datetime) -> list[Fetched]:
        """Return the sessions, PaymentIntents and charges without one made in a span, in sequence of their time."""
        found: list[Fetched] = []
        first, last = int(begin.timestamp()), int(end.timestamp()) - 1
        if last < first:
            return []
        async with aclosing(made_between(self._runtime.gateway, first, last, pace=self._pace)) as pages:
            async for page in pages:
                found += [item for item in page if not _is_part(item.object)]
        return sorted(
            found,
            key=lambda item: (item.object.get("created") or 0, _KINDS.index(item.object["object"]), item.object["id"]),
        )

    async def take_all(self, listed: list[Fetched], run: ImportRun) -> AsyncIterator[Seen]:
        """Yield what becomes of each object, once it is written."""
        held: set[str] = set()
        for place, item in enumerate(listed):
            if place % _SAVED_EVERY == 0:
                ids = [str(other.object["id"]) for other in listed[place : place + _SAVED_EVERY]]
                async with self._runtime.database.connection() as connection:
                    held = await imported_sources(connection, ids)
                if self._lease is not None:
                    await self._lease.save(_encoded(run))
            yield await _patiently(partial(self._take, item, held))

    async def _take(self, item: Fetched, held: set[str]) -> Seen:
        """Import an object. `held` are those that have an order already, as far as that was looked up."""
        found = item.object
        source_id, kind = str(found["id"]), found["object"]
        if kind == "checkout.session" and (intent := stripe_id(found, "payment_intent")):
            self._of_sessions.add(intent)
        if named_order(found) is not None:
            return Seen(source_id, Fate.OURS)
        if source_id in held:
            return Seen(source_id, Fate.OF_SESSION if source_id in self._of_sessions else Fate.HERE)
        if source_id in self._of_sessions:
            return Seen(source_id, Fate.OF_SESSION)
        if kind == "checkout.session" and found.get("mode") != "payment":
            return Seen(source_id, Fate.OTHER)
        if not _is_paid(found):
            return Seen(source_id, Fate.UNPAID)
        if kind == "payment_intent":
            await self._pace()
            if await is_of_session(self._runtime.gateway, source_id):
                return Seen(source_id, Fate.OF_SESSION)
        try:
            return await self._import(item)
        except NotImportable as error:
            return Seen(source_id, Fate.REFUSED, why=str(error))

    async def _import(self, item: Fetched) -> Seen:
        order = imported_order(item, await self._lines(item))
        customer = self._customers.complete(order.customer, order.source_id, order.payment_id)
        order = replace(order, customer=customer)
        if order.livemode != self._runtime.settings.livemode:
            raise NotImportable("it is of the other mode than the key")
        number = None
        if self._dry_run:
            if await self._runtime.database.run(is_known, order):
                return Seen(order.source_id, Fate.HERE)
        else:
            order = await self._with_what_followed(order)
            number = await self._runtime.database.run(insert_imported, order, self._actor)
            if number is None:
                return Seen(order.source_id, Fate.HERE)
        return Seen(order.source_id, Fate.IMPORTED, number, order.amount_total, order.currency)

    async def _lines(self, item: Fetched) -> list[dict[str, Any]]:
        """Return all lines of a session: the list has only the first ones."""
        if item.object["object"] != "checkout.session":
            return []
        shown = child(item.object, "line_items") or {}
        if not shown.get("has_more") and isinstance(shown.get("data"), list):
            return list(shown["data"])
        await self._pace()
        return await list_lines(self._runtime.gateway, str(item.object["id"]))

    async def _with_what_followed(self, order: ImportedOrder) -> ImportedOrder:
        """Return an order with the refunds and disputes of its payment."""
        gateway, livemode, payment_id = self._runtime.gateway, order.livemode, order.payment_id
        try:
            if payment_id is not None and order.refunded:
                await self._pace()
                for fetched in await list_refunds(gateway, payment_id):
                    order = order.with_facts(refund.translate(_snapshot(fetched, livemode)))
            if payment_id is not None and order.disputed:
                await self._pace()
                for fetched in await list_disputes(gateway, payment_id):
                    order = order.with_facts(dispute.translate(_snapshot(fetched, livemode)))
        except UnreadableObject as error:
            raise NotImportable(f"what followed cannot be read: {error}") from error
        return order


async def _check_account(runtime: Runtime, pace: Pace, *, dry_run: bool) -> str | None:
    """Return the key's account; None if the key may not read it, and the account of the orders is not known either.

    Raise OtherAccount and UnknownAccount.
    """
    livemode = runtime.settings.livemode
    async with runtime.database.connection() as connection:
        known = await connection.fetchval(sql("account_of_mode"), livemode)
    await pace()
    try:
        fetched = await runtime.gateway.call("accounts.retrieve", lambda c: c.v1.accounts.retrieve_current_async())
    except StripeRejected as error:
        if known is None:
            return None
        raise UnknownAccount(
            f"this shop's orders are of account {known}, and STRIPE_API_KEY may be of another, because Stripe refuses "
            "to name its account: give the key the permission that Stripe names here, or import with a secret key "
            f"(sk_…) of {known}. Stripe: {error.detail}"
        ) from error
    account = str(fetched.object["id"])
    if known not in (None, account):
        raise OtherAccount(
            f"STRIPE_API_KEY is of account {account}, and this shop's orders are of {known}: use a key of that "
            "account, or another database"
        )
    if known is None and not dry_run:
        await runtime.database.run(remember_account, account, livemode=livemode)
    return account


@asynccontextmanager
async def _lease(runtime: Runtime, *, dry_run: bool) -> AsyncIterator[Lease | None]:
    if dry_run:
        yield None
        return
    async with leased(runtime.database, CURSOR) as lease:
        if lease is None:
            raise ImportUnderWay("another `checkout import stripe` is running or was just killed: try again in 2 m")
        yield lease


def _resumed(lease: Lease | None, since: datetime, until: datetime, *, livemode: bool) -> ImportRun:
    """Return the run that was interrupted if it began at the same time with a key of this mode, or a new one."""
    saved = None if lease is None or lease.value is None else msgspec.json.decode(lease.value, type=ImportRun)
    if saved is not None and saved.since == since and saved.livemode == livemode:
        saved.until, saved.fates = max(until, saved.at), {}
        return saved
    return ImportRun(since, until, since, datetime.now(UTC), livemode=livemode)


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do something that may be repeated, and try again while Stripe is busy; in the end raise StripeUnavailable."""
    for pause in BUSY_STRIPE_SECONDS:
        try:
            return await work()
        except StripeUnavailable:
            await asyncio.sleep(pause)
    return await work()


def _encoded(run: ImportRun) -> str:
    return msgspec.json.encode(run).decode()


def _is_part(found: dict[str, Any]) -> bool:
    """Return whether a charge belongs to a PaymentIntent, which is listed as well."""
    return found["object"] == "charge" and stripe_id(found, "payment_intent") is not None


def _is_paid(found: dict[str, Any]) -> bool:
    """Return whether an object was paid, or is on its way: a session that its customer completed."""
    if found["object"] == "checkout.session":
        return found.get("status") == "complete"
    return found.get("status") == "succeeded" and found.get("captured") is not False


def _snapshot(fetched: Fetched, livemode: bool) -> ObjectSnapshot:
    return ObjectSnapshot(fetched.object, fetched.observed_at, "", livemodes(fetched.object.get("livemode", livemode)))
