"""Which channels can be used with the current settings."""

from __future__ import annotations

from checkout_daemon.model.messages import Channel
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
