"""Alerts the operator to problems of the shop as a whole, each with the command that fixes it.

They are: dead events and messages, events that do not arrive, an endpoint that Stripe has disabled, and a key that it
does not accept. A merge raises the attention of a single order (ledger/derive.py). A table remembers what was reported:
a problem is reported once, forgotten when it ends, and reported again if it returns. Problems found together make one
mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.event_store import held_events
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.model.counts import counted
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.outbox import alert_store
from checkout_daemon.outbox.alert_store import owe_alert, owe_once
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.client import StripeDenied
from checkout_daemon.stripe_api.events import events_since, stripe_time
from checkout_daemon.stripe_api.permissions import is_restricted, missing_permissions
from checkout_daemon.stripe_api.webhook_endpoints import list_endpoints
from checkout_daemon.stripe_sync.catching_up import last_comparison
from checkout_daemon.stripe_sync.endpoint_rules import read_endpoint, webhook_url
from checkout_daemon.urls import same_address

# Stripe's own retries and a restart of the daemon may take this long.
SILENCE = timedelta(minutes=15)
_LOOK_BACK = timedelta(days=3)
_MOST_NAMED = 20


async def alert_about_dead_letters(runtime: Runtime) -> int:
    """Alert the operator about dead events and messages of our mode not reported before, and return their number."""
    return await runtime.database.run_unconfirmed(_alert_about_dead_letters, livemode=runtime.settings.livemode)


async def _alert_about_dead_letters(connection: asyncpg.Connection, *, livemode: bool) -> int:
    events = await alert_store.raise_dead_events(connection, livemode=livemode)
    if events:
        text = f"{counted(len(events), 'Stripe event')} could not be applied"
        alert = _alert(text, events, "checkout events list --status dead")
        await owe_alert(connection, MessageKind.EVENTS_DEAD, alert)
    messages = await alert_store.raise_dead_messages(connection, livemode=livemode)
    if messages:
        text = f"{counted(len(messages), 'message')} could not be sent"
        alert = _alert(text, messages, "checkout outbox list --status dead")
        await owe_alert(connection, MessageKind.OUTBOX_DEAD, alert)
    return len(events) + len(messages)


async def alert_about_silence(runtime: Runtime) -> int:
    """Alert to events that Stripe created and did not deliver, and return how many. Asks Stripe.

    Counts events that are still missing after a while, and those that the daemon has fetched since. A silence begins
    with the first of them and ends when none was missed for a while.
    """
    now = await stripe_time(runtime.gateway)
    since, until = int((now - _LOOK_BACK).timestamp()), int((now - SILENCE).timestamp())
    async with aclosing(events_since(runtime.gateway, tuple(EVENT_TYPES), since, until)) as pages:
        created = [event["id"] for event in await anext(pages, [])]  # the last hundred are enough
    async with runtime.database.connection() as connection:
        held = await held_events(connection, created)
    missing = [event_id for event_id in created if event_id not in held]
    fetched = await _fetched_lately(runtime.database, now)
    text = f"{counted(len(missing) + fetched, 'Stripe event')} did not arrive"
    command = "checkout doctor"  # everything was fetched: what remains is to find why it had to be
    if missing:
        command = "checkout events backfill --since 3d"
    elif fetched:
        text += "; the daemon has fetched what was missing"
    alert = _alert(text, missing, command, count=len(missing) + fetched)
    # One silence, however many events it swallows.
    subjects = ["silence"] if alert.count else []
    await runtime.database.run(owe_once, MessageKind.EVENTS_SILENT, subjects, alert)
    return alert.count


async def _fetched_lately(database: Database, now: datetime) -> int:
    """Return how many events the last catch-up with missed events fetched, or 0 if that was a while ago."""
    async with database.connection() as connection:
        caught, _ = await last_comparison(connection)
    if caught is None or caught.missed_at is None or caught.missed_at < now - SILENCE:
        return 0
    return caught.missed


async def alert_about_disabled_endpoint(runtime: Runtime) -> int:
    """Alert to our endpoints that Stripe has disabled, and return how many there are. Asks Stripe."""
    url = webhook_url(runtime.settings.public_url)
    endpoints = (await list_endpoints(runtime.gateway)).object["data"]
    ours = [read_endpoint(endpoint) for endpoint in endpoints if same_address(endpoint["url"], url)]
    # A rotation disables the endpoint that it retires.
    disabled = [endpoint.id for endpoint in ours if endpoint.status != "enabled" and endpoint.retired_at is None]
    alert = _alert(f"Stripe has disabled the endpoint {url}", disabled, "checkout webhook create --update")
    await runtime.database.run(owe_once, MessageKind.ENDPOINT_DISABLED, disabled, alert)
    return len(disabled)


async def alert_about_key(runtime: Runtime) -> int:
    """Alert to a key that Stripe does not accept, or that lacks a permission. Return how many it lacks. Asks Stripe."""
    command = "checkout doctor --only stripe --only permissions"
    try:
        if is_restricted(runtime.settings.stripe_api_key or ""):
            lacking = [lack for lack in await missing_permissions(runtime.gateway) if not lack.optional]
            subjects = [lack.name for lack in lacking]
            named = ", ".join(f"{lack.level} on {lack.resource}" for lack in lacking)
            alert = _alert(f"STRIPE_API_KEY lacks permissions: {named}", subjects, command)
        else:
            await stripe_time(runtime.gateway)
            subjects, alert = [], _alert("", [], command)
    except StripeDenied:
        subjects = ["key"]
        alert = _alert("Stripe does not accept STRIPE_API_KEY: no order can be paid", subjects, command)
    await runtime.database.run(owe_once, MessageKind.KEY_DENIED, subjects, alert)
    return len(subjects)


def _alert(text: str, subjects: Sequence[str], command: str, count: int | None = None) -> Alert:
    return Alert(text, len(subjects) if count is None else count, tuple(subjects[:_MOST_NAMED]), command)
