"""Sends due messages: one daemon claims a message with a lease, retries it with backoff, and at last gives it up.

A message is claimed, sent outside of any transaction, and then recorded. If the daemon dies in between, the message is
due again when the lease ends. So every message is sent at least once, under the same id.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from itertools import product

import asyncpg

from checkout_daemon.backoff import MESSAGE_TRIES, message_retry_delay
from checkout_daemon.database.queries import sql
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import DatabaseUnavailable, why
from checkout_daemon.messages.mails import send_alert, send_customer_mail
from checkout_daemon.messages.outcomes import NotNeeded, NotYet, RefusedForGood, TryLater
from checkout_daemon.messages.pushes import push_targets, send_push
from checkout_daemon.messages.shop_webhooks import send_webhook
from checkout_daemon.messages.webhook_endpoints import note_outcome
from checkout_daemon.model.messages import UNCONFIGURED_LIFETIME, Channel
from checkout_daemon.model.text import storable
from checkout_daemon.observability.redaction import redact
from checkout_daemon.observability.tracing import span
from checkout_daemon.outbox import outbox_store
from checkout_daemon.outbox.channels import kinds_to_push, missing_setting, read_backlogs
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.runtime import Runtime

log = logging.getLogger(__name__)

# Another daemon may take a message once its lease has ended, so a lease outlasts the longest attempt.
SEND_SECONDS = 45.0
LEASE_SECONDS = 120.0
# By daemon and channel; a message that waits for its receiver holds up none of the others.
MOST_AT_ONCE = 8
_LOOK_AGAIN_SECONDS = 1.0
_LAST_SECONDS = 2.0
_LONGEST_ERROR = 300
# What a mail server puts into each refusal alone, such as the id of an attempt: letters with at least three digits.
_ID = re.compile(r"(?<![\w.-])(?=[\w-]{8})(?:(?=[\d_-]*[a-zA-Z])(?:[a-zA-Z_-]*\d){3}[\w-]*|\d{9,})(?:\.\d+)*(?![\w-])")
_WAITING = timedelta(seconds=5)
_NOT_STORED = "the receiver's answer is not a text that can be stored"
_NOT_SENT = ("queued", "skipped")  # nothing is wrong with the receiver
_COUNTED = ("queued", "failed", "dead")

_SENDERS: dict[Channel, Callable[[Runtime, ClaimedMessage], Awaitable[None]]] = {
    Channel.MAIL: send_customer_mail,
    Channel.ALERT: send_alert,
    Channel.WEBHOOK: send_webhook,
}


async def deliver_due(runtime: Runtime, channel: Channel, *, endpoint: str | None = None) -> int:
    """Send the due messages of a channel, or of an endpoint, until none is left, and return how many were tried.

    Send none if the channel is not configured. Raise DatabaseUnavailable once the attempts in progress have ended.
    """
    settings = runtime.settings
    if endpoint is None and missing_setting(settings, channel) is not None and not await _has_others(runtime, channel):
        return 0
    tried = 0
    failure: DatabaseUnavailable | None = None
    running: set[asyncio.Task[DatabaseUnavailable | None]] = set()
    async with asyncio.TaskGroup() as group:
        try:
            while True:
                free = MOST_AT_ONCE - len(running)
                if free and failure is None:
                    try:
                        async with runtime.database.connection() as connection:
                            claimed = await outbox_store.claim_messages(
                                connection,
                                channel,
                                free,
                                lease_seconds=LEASE_SECONDS,
                                endpoint=endpoint,
                                kinds=kinds_to_push(settings, datetime.now(UTC)) if channel is Channel.ALERT else None,
                                addresses=push_targets(settings),
                            )
                    except DatabaseUnavailable as error:  # let running attempts finish: a cut-off one is sent twice
                        claimed, failure = [], error
                    running |= {group.create_task(_deliver(runtime, message)) for message in claimed}
                    tried += len(claimed)
                if not running:
                    break
                done, running = await asyncio.wait(
                    running, timeout=_LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                failure = failure or next((result for task in done if (result := task.result())), None)
        except asyncio.CancelledError:  # the daemon stops: let attempts end that need only a moment
            if running:
                await asyncio.wait(running, timeout=_LAST_SECONDS)
            raise
    if failure is not None:
        raise failure
    return tried


async def deliver_to_endpoints(runtime: Runtime) -> int:
    """Send what is due to each endpoint, and return how many messages were tried."""

    async def names() -> Collection[str]:
        async with runtime.database.connection() as connection:
            return [row["name"] for row in await connection.fetch(sql("endpoints_in_use"))]

    return await _deliver_to_each(runtime, Channel.WEBHOOK, names)


async def deliver_pushes(runtime: Runtime) -> int:
    """Send what is due to each address of CHECKOUT_ALERT_URLS, and return how many messages were tried."""

    async def names() -> Collection[str]:
        return push_targets(runtime.settings)

    return await _deliver_to_each(runtime, Channel.ALERT, names)


async def spread_waiting(runtime: Runtime) -> int:
    """Owe to endpoints and addresses what waits for a receiver that may hang. Return how many messages.

    Also what a daemon of an older release has claimed.
    """
    async with runtime.database.connection() as connection:
        return await outbox_store.spread_waiting(connection, push_targets(runtime.settings))


async def _deliver_to_each(
    runtime: Runtime, channel: Channel, read_names: Callable[[], Awaitable[Collection[str]]]
) -> int:
    """Send what is due to each receiver. One that does not answer holds up none of the others."""
    running: dict[str, asyncio.Task[int | DatabaseUnavailable]] = {}
    tried = 0
    failure: DatabaseUnavailable | None = None
    async with asyncio.TaskGroup() as group:
        while True:
            if failure is None:
                try:
                    names = await read_names()
                except DatabaseUnavailable as error:  # let running attempts finish: a cut-off one is sent twice
                    names, failure = (), error
                for name in names:
                    if name not in running:
                        running[name] = group.create_task(_deliver_to(runtime, channel, name))
            if not running:
                break
            await asyncio.wait(running.values(), timeout=_LOOK_AGAIN_SECONDS)
            for name in [name for name, task in running.items() if task.done()]:
                result = running.pop(name).result()
                if isinstance(result, DatabaseUnavailable):
                    failure = result
                else:
                    tried += result
            if not running:  # the next turn of the job continues
                break
    if failure is not None:
        raise failure
    return tried


async def count_backlog(runtime: Runtime) -> None:
    """Set the backlog metrics: how many messages wait, by channel and status, and the age of the oldest to be sent."""
    if runtime.metrics is None:
        return
    async with runtime.database.connection() as connection:
        lines = await read_backlogs(connection, runtime.settings)
    backlogs = {(line.channel, line.status): line for line in lines}
    for channel, status in product(Channel, _COUNTED):
        backlog = backlogs.get((channel.value, status))
        messages, oldest = (backlog.messages, backlog.oldest_seconds) if backlog else (0, None)
        runtime.metrics.backlog_counted(channel.value, status, messages, oldest)


async def skip_unconfigured(runtime: Runtime) -> int:
    """Give up messages that waited for days for a channel that is not configured, and return how many."""
    skipped = 0
    for channel in Channel:
        if (missing := missing_setting(runtime.settings, channel)) is not None:
            why = f"{missing} was not set for days"
            async with runtime.database.connection() as connection:
                owed_before = await read_now(connection) - UNCONFIGURED_LIFETIME
                skipped += await outbox_store.skip_unconfigured(connection, channel, owed_before, why)
    return skipped


async def owe_again(runtime: Runtime) -> int:
    """Queue order.completed again where a refund had made it untrue that has failed since, and return how many.

    Also where a payment arrived after the refund of another: such an order is paid, and nobody was informed.
    """
    async with runtime.database.connection() as connection:
        return await outbox_store.owe_again(connection)


async def _has_others(runtime: Runtime, channel: Channel) -> bool:
    """Return whether messages of a channel go somewhere besides its own setting."""
    if channel is Channel.ALERT:
        return bool(runtime.settings.alert_urls)
    if channel is not Channel.WEBHOOK:
        return False
    async with runtime.database.connection() as connection:
        return bool(await connection.fetchval(sql("has_endpoints")))


async def _deliver_to(runtime: Runtime, channel: Channel, endpoint: str) -> int | DatabaseUnavailable:
    try:
        return await deliver_due(runtime, channel, endpoint=endpoint)
    except DatabaseUnavailable as away:  # raised here, it would cancel the others
        return away


async def _deliver(runtime: Runtime, message: ClaimedMessage) -> DatabaseUnavailable | None:
    """Send a message and record the outcome. Return the error if the database is unavailable.

    Raise nothing: other messages continue, and this one is due again when its lease ends.
    """
    started = time.perf_counter()
    try:
        with span("outbox delivery", channel=message.channel, kind=message.kind):
            status, error, retry_in = await _attempt(runtime, message)
    except DatabaseUnavailable as away:  # before the message was sent
        return away
    try:
        async with runtime.database.connection() as connection:
            recorded = await _record(connection, message, status, error, retry_in)
        if message.endpoint is not None and message.channel == Channel.WEBHOOK and status not in _NOT_SENT:
            await note_outcome(runtime.database, message.endpoint, sent=status == "sent")
    except DatabaseUnavailable as away:
        log.info("message %s is %s, but that was not recorded: it is sent again", message.id, status)
        return away
    except Exception:
        log.exception("message %s: the outcome was not recorded: it is sent again", message.id)
        return None
    if not recorded:
        log.warning("message %s took longer than its lease: it may be sent twice", message.id)
    if runtime.metrics is not None and status != "queued":
        runtime.metrics.message_tried(message.channel, status, time.perf_counter() - started)
    level = logging.INFO if status in ("sent", *_NOT_SENT) else logging.WARNING
    suffix = f": {error}" if error else ""
    log.log(level, "message %s, %s by %s: %s%s", message.id, message.kind, message.channel, status, suffix)
    return None


async def _record(
    connection: asyncpg.Connection, message: ClaimedMessage, status: str, error: str | None, retry_in: timedelta
) -> bool:
    """Record the outcome, without the error's text if the database refuses that. Return False if it is not ours."""
    try:
        return await outbox_store.record_delivery(connection, message, status, error=error, retry_in=retry_in)
    except (asyncpg.DataError, ValueError):  # asyncpg raises the latter for what it cannot encode
        if error is None:
            raise
        log.exception("message %s: its error cannot be stored", message.id)
        return await outbox_store.record_delivery(connection, message, status, error=_NOT_STORED, retry_in=retry_in)


async def _attempt(runtime: Runtime, message: ClaimedMessage) -> tuple[str, str | None, timedelta]:
    """Return (status, error, how long until the next attempt). Raise DatabaseUnavailable before it is sent."""
    if message.attempts > MESSAGE_TRIES:  # the daemon died whenever it was sent
        return "dead", "the daemon ended during every attempt", timedelta()
    try:
        async with asyncio.timeout(SEND_SECONDS):
            channel = Channel(message.channel)
            pushed = channel is Channel.ALERT and message.endpoint is not None
            await (send_push if pushed else _SENDERS[channel])(runtime, message)
    except DatabaseUnavailable:
        raise
    except NotNeeded as reason:
        return "skipped", str(reason), timedelta()
    except NotYet as reason:
        return "queued", str(reason), _WAITING
    except RefusedForGood as error:
        return "dead", _one_line(error), timedelta()
    except TryLater as error:
        return _failed(message, _one_line(error), error.retry_after)
    except TimeoutError:
        return _failed(message, f"not done in {SEND_SECONDS:.0f} s", None)
    except Exception as error:  # the edge of one message: the others continue
        log.exception("message %s could not be sent", message.id)
        return _failed(message, _one_line(error), None)
    return "sent", None, timedelta()


def _failed(message: ClaimedMessage, error: str, retry_after: timedelta | None) -> tuple[str, str, timedelta]:
    delay = message_retry_delay(message.attempts)
    if delay is None:
        return "dead", error, timedelta()
    return "failed", error, max(delay, retry_after or timedelta())


def _one_line(error: BaseException) -> str:
    """Return an error as one line without personal data or ids.

    Mail servers like to repeat the address, in any encoding. Errors that differ in an id alone are one fault to fix:
    they share a fingerprint.
    """
    text = " ".join(storable(str(error)).split()) or why(error)
    return _ID.sub("…", redact(text))[:_LONGEST_ERROR]
