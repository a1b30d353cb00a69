"""The shop's systems that receive webhooks: adds, disables, enables and removes them, and renews their secrets.

A message for the shop's systems is one row of the outbox. Whoever claims it adds a row for each endpoint that wants it
(`claim_webhooks`), so that paying an order costs nothing more, however many endpoints there are. `spread_waiting` adds
them for what waits for a receiver that hangs, and for what a release that knows no endpoints has claimed.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, check_note, record_without_order
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest, NotFound
from checkout_daemon.model.messages import Alert, Channel, MessageKind
from checkout_daemon.model.names import faults_of_name
from checkout_daemon.outbox.alert_store import owe_alert

GIVEN_UP_AFTER = timedelta(days=5)
"""An endpoint that has failed for so long without a success is disabled."""
OLD_SECRET_KEPT = timedelta(hours=24)
_SECRET_BYTES = 32
_TAKEN = "settings"  # what lists call CHECKOUT_SHOP_WEBHOOK_URL


class ReceiverExists(CheckoutError, code="receiver_exists", status=409, exit_code=4, title="The name is in use"):
    """There is an endpoint of this name."""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A receiver of webhooks. `events`: the kinds of messages that it gets, or all if empty."""

    name: str
    url: str
    events: tuple[str, ...]
    secret: str
    old_secret: str | None
    old_secret_until: datetime | None
    created_by: str
    created_at: datetime
    disabled_at: datetime | None
    disabled_why: str | None
    failing_since: datetime | None
    succeeded_at: datetime | None
    waiting: int = 0

    @property
    def status(self) -> str:
        """Return disabled, failing or enabled."""
        return "disabled" if self.disabled_at else "failing" if self.failing_since else "enabled"


async def add_endpoint(
    database: Database, name: str, url: str, events: tuple[str, ...], *, operator: Operator, note: str = ""
) -> WebhookEndpoint:
    """Add an endpoint with a new secret. The URL must be one that a setting may have. Raise ReceiverExists."""
    if faults := faults_of_name(name, "an endpoint", "warehouse", taken=_TAKEN):
        raise InvalidRequest(faults)
    wanted = tuple(dict.fromkeys(events))
    if unknown := [kind for kind in wanted if kind not in webhook_kinds()]:
        detail = f"no webhook is of the kind {unknown[0]!r}: choose from {', '.join(webhook_kinds())}"
        raise InvalidRequest([FieldError("/events", "unknown_kind", detail)])
    return await database.run(_add, name, url, wanted, _new_secret(), operator, check_note(note))


async def list_endpoints(database: Readable) -> list[WebhookEndpoint]:
    """Return the endpoints by name, with how many messages wait for each."""
    async with database.connection() as connection:
        return [record_of(WebhookEndpoint, row) for row in await connection.fetch(sql("list_endpoints"))]


async def find_endpoint(database: Readable, name: str) -> WebhookEndpoint:
    """Return an endpoint. Raise NotFound."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql("read_endpoint"), name)
    return record_of(WebhookEndpoint, _found(row, name))


async def remove_endpoint(database: Database, name: str, *, operator: Operator, note: str = "") -> int:
    """Remove an endpoint, and skip what waits for it. Return how many messages that were. Raise NotFound."""
    return await database.run(_remove, name, operator, check_note(note))


async def disable_endpoint(database: Database, name: str, *, operator: Operator, note: str = "") -> WebhookEndpoint:
    """Send nothing more to an endpoint. What it misses is kept as skipped. Raise NotFound."""
    return await database.run(_disable, name, operator, check_note(note))


async def enable_endpoint(
    database: Database, name: str, *, replay: bool, operator: Operator, note: str = ""
) -> tuple[WebhookEndpoint, int]:
    """Send to an endpoint again. With `replay`, queue what it missed, and return how many messages. Raise NotFound."""
    return await database.run(_enable, name, replay, operator, check_note(note))


async def rotate_secret(database: Database, name: str, *, operator: Operator, note: str = "") -> WebhookEndpoint:
    """Give an endpoint a new secret. The one before signs as well for OLD_SECRET_KEPT. Raise NotFound."""
    return await database.run(_rotate, name, operator, check_note(note))


async def skip_removed(database: Database) -> int:
    """Skip what waits for endpoints that were removed or are disabled, and return how many messages."""
    async with database.connection() as connection:
        removed: str = await connection.execute(sql("skip_messages_of_removed"))
        disabled: str = await connection.execute(sql("skip_messages_of_disabled"))
    return int(removed.split()[1]) + int(disabled.split()[1])


async def note_outcome(database: Database, name: str, *, sent: bool) -> None:
    """Note whether an endpoint took a message. Disable and alert once it has taken none for GIVEN_UP_AFTER."""
    if sent:
        async with database.connection() as connection:
            await connection.execute(sql("note_success"), name)
        return
    await database.run_unconfirmed(_note_failure, name)


def webhook_kinds() -> tuple[str, ...]:
    """Return the kinds of messages that are webhooks."""
    return tuple(kind.value for kind in MessageKind if Channel.WEBHOOK in kind.channels)


async def _add(
    connection: asyncpg.Connection,
    name: str,
    url: str,
    events: tuple[str, ...],
    secret: str,
    operator: Operator,
    note: str,
) -> WebhookEndpoint:
    row = await connection.fetchrow(sql("insert_endpoint"), name, url, list(events), secret, operator.actor)
    if row is None:
        raise ReceiverExists(f"there is an endpoint {name}: `checkout outbox endpoints remove {name}` removes it")
    await _record(connection, "endpoint.added", operator, note, name, events=list(events))
    return record_of(WebhookEndpoint, row)


async def _remove(connection: asyncpg.Connection, name: str, operator: Operator, note: str) -> int:
    _found(await connection.fetchrow(sql("remove_endpoint"), name), name)
    removed = f"the endpoint {name} was removed"
    done: str = await connection.execute(sql("skip_messages_of_endpoint"), name, removed)
    await connection.execute(sql("close_dead_messages"), name, removed)
    await _record(connection, "endpoint.removed", operator, note, name)
    return int(done.split()[1])


async def _disable(connection: asyncpg.Connection, name: str, operator: Operator, note: str) -> WebhookEndpoint:
    row = await connection.fetchrow(sql("disable_endpoint"), name, f"by {operator.actor}")
    if row is None:
        return record_of(WebhookEndpoint, _found(await connection.fetchrow(sql("read_endpoint"), name), name))
    await connection.execute(sql("skip_messages_of_endpoint"), name, _disabled(name))
    await _record(connection, "endpoint.disabled", operator, note, name)
    return record_of(WebhookEndpoint, row)


async def _enable(
    connection: asyncpg.Connection, name: str, replay: bool, operator: Operator, note: str
) -> tuple[WebhookEndpoint, int]:
    row = _found(await connection.fetchrow(sql("enable_endpoint"), name), name)
    queued = 0
    if replay:
        done: str = await connection.execute(sql("owe_messages_of_endpoint"), name)
        queued = int(done.split()[1])
    await _record(connection, "endpoint.enabled", operator, note, name, queued=queued)
    return record_of(WebhookEndpoint, row), queued


async def _rotate(connection: asyncpg.Connection, name: str, operator: Operator, note: str) -> WebhookEndpoint:
    row = await connection.fetchrow(sql("rotate_endpoint_secret"), name, _new_secret(), OLD_SECRET_KEPT)
    row = _found(row, name)
    await _record(connection, "endpoint.rotated", operator, note, name)
    return record_of(WebhookEndpoint, row)


async def _note_failure(connection: asyncpg.Connection, name: str) -> None:
    row = await connection.fetchrow(sql("note_failure"), name)
    if row is None or row["disabled"] or row["failing"] < GIVEN_UP_AFTER:
        return
    days = GIVEN_UP_AFTER.days
    why = f"no message was taken for {days} days"
    if await connection.fetchrow(sql("disable_endpoint"), name, why) is None:
        return
    await connection.execute(sql("skip_messages_of_endpoint"), name, _disabled(name))
    text = f"The webhook endpoint {name} has taken nothing for {days} days and is disabled"
    alert = Alert(text, 1, (name,), f"checkout outbox endpoints enable {name} --replay")
    await owe_alert(connection, MessageKind.RECEIVER_DISABLED, alert)


async def _record(
    connection: asyncpg.Connection, kind: str, operator: Operator, note: str, name: str, **details: object
) -> None:
    action = OperatorAction(kind, operator, note, {"endpoint": name, **details})
    await record_without_order(connection, [action])


def _found(row: asyncpg.Record | None, name: str) -> asyncpg.Record:
    if row is None:
        raise NotFound(f"there is no endpoint {name}: `checkout outbox endpoints list` shows every one")
    return row


def _disabled(name: str) -> str:
    return f"the endpoint {name} is disabled"


def _new_secret() -> str:
    return f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"
