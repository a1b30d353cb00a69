"""Sends what is owed, one channel beside the other, and counts what waits."""

from __future__ import annotations

from itertools import product

from checkout_daemon.domain.outbox import Channel
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.clocks import clocks_allow
from checkout_daemon.services.outbox.delivering import deliver_due, skip_unconfigured
from checkout_daemon.store.outbox import count_messages

_COUNTED = ("queued", "failed", "dead")


async def deliver_mails(runtime: Runtime) -> int:
    return await deliver_due(runtime, Channel.MAIL)


async def deliver_alerts(runtime: Runtime) -> int:
    return await deliver_due(runtime, Channel.ALERT)


async def deliver_webhooks(runtime: Runtime) -> int:
    return await deliver_due(runtime, Channel.WEBHOOK)


async def skip_what_nobody_sends(runtime: Runtime) -> int:
    """Skip messages of channels that are not configured; none while the clocks differ, for it cannot be undone."""
    return await skip_unconfigured(runtime) if await clocks_allow(runtime) else 0


async def count_backlog(runtime: Runtime) -> int:
    if runtime.metrics is not None:
        async with runtime.database.connection() as connection:
            found = {(each.channel, each.status): each for each in await count_messages(connection)}
        for channel, status in product(Channel, _COUNTED):
            backlog = found.get((channel.value, status))
            messages, oldest = (backlog.messages, backlog.oldest_seconds) if backlog else (0, 0.0)
            runtime.metrics.backlog_counted(channel.value, status, messages, oldest)
    return 0
