"""Checks of what the database holds."""

from __future__ import annotations

from checkout_daemon.domain.events import EVENT_TYPES
from checkout_daemon.errors import CheckoutError, SchemaMismatch
from checkout_daemon.gateway.events import newest_event
from checkout_daemon.services.doctor.check import Check
from checkout_daemon.services.doctor.probes import Probes
from checkout_daemon.services.operator_log import verify
from checkout_daemon.services.schema import require_schema
from checkout_daemon.store.checks import count_letters, newest_order
from checkout_daemon.store.database import Database
from checkout_daemon.store.events import held_events
from checkout_daemon.store.migrations import read_state

OLDEST_POSTGRESQL = 15
DELIVERY_SECONDS = 60  # how long a delivery may be on its way


def answers(probes: Probes) -> Check:
    server = probes.server
    if server is None:
        return Check.failed("database", probes.server_trouble, probes.mend_database)
    if server.major < OLDEST_POSTGRESQL:
        detail = f"PostgreSQL {server.version}; {OLDEST_POSTGRESQL} or newer is needed"
        return Check.failed("database", detail, "pg_upgrade")
    return Check.passed("database", f"PostgreSQL {server.version} answers")


async def schema_fits(probes: Probes) -> Check:
    if (database := _database(probes)) is None:
        return _unknown("schema", probes)
    async with database.connection() as connection:
        state = await read_state(connection)
    try:
        require_schema(state)
    except SchemaMismatch as misfit:
        mends = {True: "checkout db init", False: "checkout db migrate"}
        newer = state.version and "newer release" in misfit.detail
        mend = "pip install --upgrade checkout-daemon" if newer else mends[state.version == 0]
        return Check.failed("schema", misfit.detail, mend)
    log = await verify(database)
    if log.faults:
        detail = f"the operator log is not as it was written: {'; '.join(log.faults)}"
        return Check.failed("schema", detail, "checkout db restore BACKUP")
    return Check.passed(
        "schema", f"version {state.version} fits this program; the operator log is whole, {log.entries} long"
    )


async def key_mode_agrees(probes: Probes) -> Check:
    """The key's mode is the orders'."""
    settings = probes.settings
    if settings.stripe_api_key is None:
        mend = "checkout dev" if probes.demo_stripe else "export STRIPE_API_KEY=sk_…"
        return Check.failed("key_mode", probes.stripe_trouble, mend)
    mode = _mode(settings.livemode)
    if (database := _database(probes)) is None:
        return _unknown("key_mode", probes, f"a {mode} key; ")
    async with database.connection() as connection:
        newest = await newest_order(connection)
    if newest is None:
        return Check.passed("key_mode", f"a {mode} key; there are no orders yet")
    number, livemode = newest
    if livemode != settings.livemode:
        detail = f"a {mode} key, but the newest order, {number}, is a {_mode(livemode)} order"
        return Check.failed("key_mode", detail, f"export STRIPE_API_KEY=sk_{_mode(livemode)}_…")
    return Check.passed("key_mode", f"a {mode} key, and the newest order, {number}, is a {mode} order")


async def no_dead_letters(probes: Probes) -> Check:
    if (database := _database(probes)) is None:
        return _unknown("dead_letters", probes)
    async with database.connection() as connection:
        letters = await count_letters(connection)
    detail = (
        f"{letters.events_dead} events dead, {letters.events_failed} failed and tried again; "
        f"{letters.messages_dead} messages dead"
    )
    if letters.events_dead:
        return Check.failed("dead_letters", detail, "checkout events list --status dead")
    if letters.messages_dead:
        return Check.failed("dead_letters", detail, "checkout outbox list --status dead")
    return Check.passed("dead_letters", detail)


async def nothing_missing(probes: Probes) -> Check:
    """The newest event that Stripe made for us is held."""
    if (database := _database(probes)) is None:
        return _unknown("backfill", probes)
    if probes.endpoints is None:
        return Check.failed("backfill", f"cannot be compared: {probes.stripe_trouble}", probes.mend_stripe)
    try:
        newest = await newest_event(probes.gateway, EVENT_TYPES)
    except CheckoutError as error:
        return Check.failed("backfill", f"cannot be compared: {error.detail}", probes.mend_stripe)
    if newest is None:
        return Check.passed("backfill", "Stripe has made no event for us yet")
    async with database.connection() as connection:
        held = bool(await held_events(connection, [newest["id"]]))
    if held:
        return Check.passed("backfill", f"the newest event at Stripe, {newest['id']}, is held")
    age = probes.now_at_stripe.timestamp() - newest["created"]
    if age < DELIVERY_SECONDS:
        return Check.passed(
            "backfill", f"the newest event at Stripe, {newest['id']}, is {age:.0f} s old and on its way"
        )
    base = f" --api-base {probes.settings.stripe_api_base}" if probes.offline_stripe else ""
    return Check.failed(
        "backfill",
        f"the newest event at Stripe, {newest['id']} ({newest['type']}), is not held",
        f"stripe events resend {newest['id']}{base}",
    )


def _database(probes: Probes) -> Database | None:
    return None if probes.server is None else probes.database


def _unknown(check: str, probes: Probes, known: str = "") -> Check:
    return Check.failed(check, f"{known}cannot be told without the database", probes.mend_database)


def _mode(livemode: bool) -> str:
    return "live" if livemode else "test"
