"""Which channels can be used with the current settings, and what waits for them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import asyncpg

from checkout_daemon.model.messages import URGENT, Channel
from checkout_daemon.outbox.outbox_store import Backlog, count_messages
from checkout_daemon.settings import Settings


def missing_setting(settings: Settings, channel: Channel) -> str | None:
    """Return the setting that the channel lacks, or None if it can be used."""
    if channel is Channel.WEBHOOK:
        return None if settings.shop_webhook_url else "CHECKOUT_SHOP_WEBHOOK_URL"
    if channel is Channel.ALERT and not settings.alert_to:
        return "CHECKOUT_ALERT_TO"
    if not settings.smtp_url:
        return "CHECKOUT_SMTP_URL"
    return None if settings.mail_from else "CHECKOUT_MAIL_FROM"


def is_quiet(settings: Settings, now: datetime) -> bool:
    """Return whether only urgent alerts are pushed now."""
    if settings.alert_quiet is None:
        return False
    start, end = (time.fromisoformat(part) for part in settings.alert_quiet.split("-"))
    local = now.astimezone(ZoneInfo(settings.time_zone)).time()
    return start <= local < end if start <= end else local >= start or local < end


def kinds_to_push(settings: Settings, now: datetime) -> Collection[str] | None:
    """Return the kinds of alerts that are pushed now, or None for all."""
    return [kind.value for kind in URGENT] if is_quiet(settings, now) else None


async def read_backlogs(connection: asyncpg.Connection, settings: Settings) -> list[Backlog]:
    """Count waiting and dead messages. What waits for a setting, or for the end of the quiet hours, has no age."""
    return await count_messages(
        connection,
        livemode=settings.livemode,
        unset=[channel.value for channel in Channel if missing_setting(settings, channel) is not None],
        pushed=kinds_to_push(settings, datetime.now(UTC)),
    )
