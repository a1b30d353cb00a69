"""Checks of the database and of its contents."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from checkout_daemon.audit.anchors import read_published
from checkout_daemon.audit.audit_log import keys_of, verify
from checkout_daemon.database.migrations import read_state
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable, SchemaMismatch
from checkout_daemon.ledger import missing_order_store
from checkout_daemon.ledger.event_store import held_events
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.ledger.missing_orders import paid_sessions
from checkout_daemon.ledger.own_account import count_unattributed
from checkout_daemon.ledger.translate.named_orders import named_order
from checkout_daemon.ledger.translate.stripe_objects import read_moment
from checkout_daemon.model.counts import counted
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes
from checkout_daemon.operations.schema import require_schema
from checkout_daemon.orders.figures import read_trouble
from checkout_daemon.orders.terminal_windows import may_write
from checkout_daemon.settings import read_setting
from checkout_daemon.stripe_api.events import KEPT, events_since
from checkout_daemon.stripe_api.sessions import sessions_made
from checkout_daemon.stripe_sync.backfill import OVERLAP
from checkout_daemon.stripe_sync.catching_up import last_comparison

T = TypeVar("T")

OLDEST_POSTGRESQL = 15
DELIVERY_SECONDS = 60  # how long a delivery may take
_LOOK_BACK = timedelta(days=3)
_NEWEST_ROWS = 250  # of each kind; a fault of today's code or hands shows in them
_COMPARED_WITHIN = timedelta(hours=1)  # a daemon does it every minute


def answers(probes: Probes) -> Check:
    """Check that the database answers, and that its version is supported."""
    server = probes.server
    if server is None:
        return Check.failed("database", probes.server_trouble, probes.fix_database)
    if server.major < OLDEST_POSTGRESQL:
        detail = f"PostgreSQL {server.version}; {OLDEST_POSTGRESQL} or newer is needed"
        return Check.failed("database", detail, "pg_upgrade")
    answers = f"PostgreSQL {server.version} answers"
    if probes.listen_trouble:
        detail = f"{answers}, but not for LISTEN and migrations: {probes.listen_trouble}"
        return Check.failed(
            "database", detail, "export DATABASE_LISTEN_URL=postgresql://user:password@host:port/database"
        )
    return Check.passed("database", f"{answers}{' through a pooler' if _database(probes).pooler else ''}")


async def schema_fits(probes: Probes) -> Check:
    """Check that the schema fits this program, and that the audit log was not changed."""
    database = _database(probes)
    async with database.connection() as connection:
        state = await read_state(connection)
    try:
        require_schema(state)
    except SchemaMismatch as misfit:
        newer = state.version and "newer release" in misfit.detail
        older = "checkout db migrate" if state.version else "checkout db init"
        older = f"export CHECKOUT_DATABASE_SCHEMA={state.elsewhere[0]}" if state.elsewhere else older
        fix = "pip install --upgrade checkout-daemon" if newer else older
        return Check.failed("schema", misfit.detail, fix)
    settings = probes.settings
    published = None if settings.audit_anchor is None else read_published(settings.audit_anchor)
    log = await verify(database, keys_of(settings), published)
    if log.faults:
        detail = f"the audit log is not as it was written: {'; '.join(log.faults)}"
        return Check.failed("schema", detail, "checkout db restore BACKUP")
    entries = counted(log.entries, "entry", "entries")
    only_reads = "" if await may_write(database) else "; read-only: commands that change something are refused"
    detail = f"version {state.version} fits this program; the audit log is intact: {entries}{only_reads}"
    return Check.passed("schema", detail)


async def key_mode_agrees(probes: Probes) -> Check:
    """Check that the API key and the orders have the same mode, live or test."""
    settings = probes.settings
    if settings.stripe_api_key is None:
        fix = "checkout dev" if probes.demo_stripe else "export STRIPE_API_KEY=sk_…"
        return Check.failed("key_mode", probes.stripe_trouble, fix)
    mode = _mode(settings.livemode)
    database = _database(probes, f"a {mode} key; ")
    async with database.connection() as connection:
        newest = await missing_order_store.newest_order(connection)
        unattributed = await count_unattributed(connection, datetime.now(UTC) - _LOOK_BACK)
    if unattributed:
        which = "names an account and is" if unattributed == 1 else "name an account and are"
        detail = f"{counted(unattributed, 'event')} {which} ignored: the account of the key is not known"
        return Check.failed("key_mode", detail, "export STRIPE_API_KEY=… of a key that may read its account")
    if newest is None:
        return Check.passed("key_mode", f"a {mode} key; there are no orders yet")
    if settings.livemode and not newest.livemode:
        detail = f"a live key; the newest order, {newest.number}, was made with a test key, and alerts nobody"
        return Check.passed("key_mode", detail)
    if newest.livemode != settings.livemode:
        other = _mode(newest.livemode)
        detail = f"a {mode} key, but the newest order, {newest.number}, is a {other} order"
        return Check.failed("key_mode", detail, f"export STRIPE_API_KEY=sk_{other}_…")
    return Check.passed("key_mode", f"a {mode} key, and the newest order, {newest.number}, is a {mode} order")


async def no_dead_letters(probes: Probes) -> Check:
    """Check that no event or message has failed."""
    database = _database(probes)
    async with database.connection() as connection:
        trouble = await read_trouble(connection, datetime.now(UTC), livemode=probes.settings.livemode)
    events, messages = counted(trouble.events_dead, "event"), counted(trouble.messages_dead, "message")
    detail = f"{events} dead, {trouble.events_failed:,} failed and being retried; {messages} dead"
    if trouble.events_dead and trouble.messages_dead:
        return Check.failed("dead_letters", detail, "checkout todo")
    if trouble.events_dead:
        return Check.failed("dead_letters", detail, "checkout events replay --status dead")
    if trouble.events_failed:
        return Check.failed("dead_letters", detail, "checkout events list --status failed")
    if trouble.messages_dead:
        return Check.failed("dead_letters", detail, "checkout outbox replay --status dead")
    return Check.passed("dead_letters", detail)


async def orders_whole(probes: Probes) -> Check:
    """Check that no order is missing, also of rows here, no number is given twice, and nothing appeared late."""
    database = _database(probes)
    livemode = probes.settings.livemode
    async with database.connection() as connection:
        missing = await missing_order_store.list_missing(connection, livemode=livemode)
        last, shop = await missing_order_store.last_number(connection), await missing_order_store.read_shop(connection)
        late: int = await connection.fetchval(sql("count_late_effects"))
        loose: int = await connection.fetchval(sql("count_loose_rows"), _NEWEST_ROWS)
    if missing:
        first = missing[0]
        detail = f"at Stripe {paid_sessions(len(missing))} that this database does not hold: {first.session_id}"
        return Check.failed("orders", detail, f"checkout orders recover {first.session_id}")
    if loose:
        which = f"{counted(loose, 'row')} {'names' if loose == 1 else 'name'}"
        # A restore would cost every newer order; these rows do no harm.
        return Check.failed("orders", f"{which} an order that does not exist any more", 'psql "$DATABASE_URL"')
    if probes.endpoints is not None:
        try:
            sessions = await _first_page(sessions_made(probes.gateway, probes.now_at_stripe - KEPT))
        except CheckoutError as error:
            return Check.failed("orders", f"cannot be compared: {error.detail}", probes.fix_stripe)
        named = filter(None, (named_order(session.object) for session in sessions))
        highest = max((order.number or 0 for order in named if order.shop in (None, shop)), default=0)
        if highest > last:
            detail = (
                f"Stripe knows order {highest}, but the next number here is {last + 1}: numbers would be given twice"
            )
            return Check.failed("orders", detail, "checkout reconcile")
    if late:
        which = f"{counted(late, 'order')} {'has' if late == 1 else 'have'}"
        detail = f"{which} a refund or payment that appeared at Stripe after it was given up (appeared_late)"
        return Check.failed("orders", detail, "checkout orders list --attention")
    return Check.passed("orders", f"none is missing; the last order number is {last}")


async def nothing_missing(probes: Probes) -> Check:
    """Check that a daemon compares events with Stripe's, and that Stripe's newest events are stored here."""
    database = _database(probes)
    if probes.endpoints is None:
        return Check.failed("backfill", f"cannot be compared: {probes.stripe_trouble}", probes.fix_stripe)
    async with database.connection() as connection:
        caught, _ = await last_comparison(connection)
    now = probes.now_at_stripe
    since = now - _LOOK_BACK if caught is None else max(caught.until - OVERLAP, now - KEPT)
    try:
        made = await _first_page(events_since(probes.gateway, tuple(EVENT_TYPES), int(since.timestamp())))
    except CheckoutError as error:
        return Check.failed("backfill", f"cannot be compared: {error.detail}", probes.fix_stripe)
    async with database.connection() as connection:
        stored = await held_events(connection, [event["id"] for event in made])
    missing = [event for event in made if event["id"] not in stored]
    made_at = {event["id"]: read_moment(event.get("created")) or since for event in missing}
    late = [event for event in missing if (now - made_at[event["id"]]).total_seconds() >= DELIVERY_SECONDS]
    if late:
        newest, oldest = late[0], min(made_at[event["id"]] for event in late)
        hours = int(max(now - oldest, timedelta()).total_seconds() // 3600) + 1
        are = "is" if len(late) == 1 else "are"
        named = f"{newest['id']} ({newest['type']})"
        detail = f"{len(late)} of the last {counted(len(made), 'event')} at Stripe {are} missing: {named}"
        return Check.failed("backfill", detail, f"checkout events backfill --since {hours}h")
    if caught is not None and now - caught.until > _COMPARED_WITHIN:
        detail = f"no daemon has compared its events with Stripe's since {caught.until:%Y-%m-%d %H:%M} UTC"
        return Check.failed(
            "backfill", detail, "checkout dev" if read_setting("DATABASE_URL") is None else "checkout serve"
        )
    on_their_way = f", {len(missing)} on their way" if missing else ""
    if not made:
        return Check.passed("backfill", "Stripe has created no event lately")
    newest_are = "event at Stripe is" if len(made) == 1 else f"{len(made)} events at Stripe are"
    return Check.passed("backfill", f"the last {newest_are} stored here{on_their_way}")


async def _first_page(pages: AsyncGenerator[list[T], None]) -> list[T]:
    """Return the newest hundred, which are enough to find out whether any is missing."""
    async with aclosing(pages):
        return await anext(pages, [])


def _database(probes: Probes, known: str = "") -> Database:
    """Return the database. Raise DatabaseUnavailable, which states what is known without it, if it did not answer."""
    if probes.server is None or probes.database is None:
        raise DatabaseUnavailable(f"{known}cannot be checked without the database")
    return probes.database


def _mode(livemode: bool) -> str:
    return "live" if livemode else "test"
