"""Tells the operator, once and with the command that mends it, what nobody may be looking at.

What an order asks attention for is told by the merge that finds it (ledger/derive.py). Here is what concerns the shop
as a whole: dead letters, events that Stripe made and that do not come, an endpoint that Stripe has disabled. A table
remembers what was told; what ends is forgotten, and told again when it comes back. What is found together is one mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.event_store import held_events
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.outbox import alert_store
from checkout_daemon.outbox.alert_store import owe_alert, owe_once
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import events_since, stripe_time
from checkout_daemon.stripe_api.webhook_endpoints import list_endpoints
from checkout_daemon.stripe_sync.catching_up import how_far
from checkout_daemon.stripe_sync.endpoint_rules import read_endpoint, webhook_url

# So long Stripe's own repetitions and a restart of ours may take.
SILENCE = timedelta(minutes=15)
_LOOK_BACK = timedelta(days=3)
_MOST_NAMED = 20
_ABOUT_ALERTS = (
    MessageKind.EVENTS_DEAD,
    MessageKind.OUTBOX_DEAD,
    MessageKind.EVENTS_SILENT,
    MessageKind.ENDPOINT_DISABLED,
    MessageKind.CLOCKS_DIFFER,
    MessageKind.ORDERS_MISSING,
)


async def tell_of_dead_letters(database: Database) -> int:
    """Of events and messages that are dead and that nobody was told of; how many."""
    return await database.run_unconfirmed(_tell_of_dead_letters)


async def tell_of_silence(runtime: Runtime) -> int:
    """Of events that Stripe made and that did not come: not held though a while old, or fetched since. Asks Stripe.

    How many. A silence begins with the first and ends when for a while none was missed.
    """
    now = await stripe_time(runtime.gateway)
    since, until = int((now - _LOOK_BACK).timestamp()), int((now - SILENCE).timestamp())
    async with aclosing(events_since(runtime.gateway, tuple(EVENT_TYPES), since, until)) as pages:
        made = [each["id"] for each in await anext(pages, [])]  # the last hundred will do
    async with runtime.database.connection() as connection:
        held = await held_events(connection, made)
    missing = [each for each in made if each not in held]
    fetched = await _fetched_lately(runtime.database, now)
    text = f"{_count(len(missing) + fetched, 'event')} of Stripe's did not arrive"
    command = "checkout doctor"  # what is held by now was fetched by itself; what keeps the next from coming is to find
    if missing:
        command = "checkout events backfill --since 3d"
    elif fetched:
        text += "; the daemon has fetched what was missing"
    alert = Alert(text, len(missing) + fetched, tuple(missing[:_MOST_NAMED]), command)
    # One silence, however many events it swallows.
    subjects = ["silence"] if alert.count else []
    await runtime.database.run(owe_once, MessageKind.EVENTS_SILENT, subjects, alert)
    return alert.count


async def _fetched_lately(database: Database, now: datetime) -> int:
    """How many were missed when some last were, if that is not long ago."""
    caught = await how_far(database)
    if caught is None or caught.missed_at is None or caught.missed_at < now - SILENCE:
        return 0
    return caught.missed


async def tell_of_disabled_endpoint(runtime: Runtime) -> int:
    """Of an endpoint for us that Stripe delivers nothing to any more; how many there are. Asks Stripe."""
    url = webhook_url(runtime.settings.public_url)
    endpoints = (await list_endpoints(runtime.gateway)).object["data"]
    ours = [read_endpoint(each) for each in endpoints if each["url"] == url]
    # One that a rotation retired is disabled by us.
    disabled = [each.id for each in ours if each.status != "enabled" and each.retired_at is None]
    command = "checkout webhook create --update"
    alert = Alert(f"Stripe has disabled the endpoint {url}", len(disabled), tuple(disabled), command)
    await runtime.database.run(owe_once, MessageKind.ENDPOINT_DISABLED, disabled, alert)
    return len(disabled)


async def _tell_of_dead_letters(connection: asyncpg.Connection) -> int:
    events = await alert_store.raise_dead_events(connection)
    if events:
        text = f"{_count(len(events), 'event')} of Stripe's could not be applied"
        await _owe(connection, MessageKind.EVENTS_DEAD, text, events, "checkout events list --status dead")
    messages = await alert_store.raise_dead_messages(connection, _ABOUT_ALERTS)
    if messages:
        text = f"{_count(len(messages), 'message')} could not be sent"
        await _owe(connection, MessageKind.OUTBOX_DEAD, text, messages, "checkout outbox list --status dead")
    return len(events) + len(messages)


async def _owe(
    connection: asyncpg.Connection, kind: MessageKind, text: str, subjects: Sequence[str], command: str
) -> None:
    alert = Alert(text, len(subjects), tuple(subjects[:_MOST_NAMED]), command)
    await owe_alert(connection, kind, alert)


def _count(number: int, name: str) -> str:
    return f"1 {name}" if number == 1 else f"{number} {name}s"
