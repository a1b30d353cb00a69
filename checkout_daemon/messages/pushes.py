"""Alerts to where people are: chat, phone and pager, through Apprise, which the extra `alerts` installs.

Each address of CHECKOUT_ALERT_URLS gets its own row of the outbox for each alert, so that one that fails is tried again
and the others get nothing twice. When the problem has ended, a further message reports that.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from typing import Any

from checkout_daemon.database.queries import sql
from checkout_daemon.messages.mails import alert_of
from checkout_daemon.messages.outcomes import NotNeeded, RefusedForGood, TryLater
from checkout_daemon.messages.rendering import one_line
from checkout_daemon.model.messages import URGENT, Alert, Channel, MessageKind
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings

# Its warnings may name the address, which is a secret.
logging.getLogger("apprise").setLevel(logging.CRITICAL)

_INSTALL = "CHECKOUT_ALERT_URLS needs Apprise: pip install 'checkout-daemon[alerts]'"


def push_targets(settings: Settings) -> Mapping[str, str]:
    """Return the addresses by the names that the outbox has for them."""
    return {f"push-{sha256(url.encode()).hexdigest()[:8]}": url for url in settings.alert_urls}


async def send_push(runtime: Runtime, message: ClaimedMessage) -> None:
    """Send an alert to one address. Raise TryLater, RefusedForGood or NotNeeded, without the address."""
    settings, name = runtime.settings, message.endpoint or ""
    url = push_targets(settings).get(name)
    if url is None:
        raise NotNeeded("its address is not in CHECKOUT_ALERT_URLS any more")
    message = replace(message, subject_id=message.subject_id.removesuffix(f"@{name}"))
    async with runtime.database.connection() as connection:
        alert = await alert_of(connection, message, livemode=settings.livemode)
    kind = MessageKind(message.kind)
    tone = "success" if kind is MessageKind.ALERT_RESOLVED else "failure" if kind in URGENT else "warning"
    title = f"[{one_line(settings.shop_name)}] {alert.text}"
    await runtime.threads.run(name, partial(_notify, url, title, _body(alert), tone))


async def owe_resolved(runtime: Runtime) -> int:
    """Queue a message where a problem that was reported has ended, and return how many."""
    names = list(push_targets(runtime.settings))
    if not names:
        return 0
    async with runtime.database.connection() as connection:
        done: str = await connection.execute(sql("owe_resolved"), names)
    return int(done.split()[-1])


async def skip_unknown_pushes(runtime: Runtime) -> int:
    """Skip what waits for addresses that are not in the settings any more, and return how many messages."""
    async with runtime.database.connection() as connection:
        done: str = await connection.execute(
            sql("skip_unknown_pushes"), Channel.ALERT.value, list(push_targets(runtime.settings))
        )
    return int(done.split()[-1])


def count_unknown(urls: Collection[str]) -> int:
    """Return how many of the addresses Apprise does not know. It must be installed."""
    apprise: Any = import_module("apprise")
    return sum(not apprise.Apprise().add(url) for url in urls)


def _body(alert: Alert) -> str:
    lines = [*alert.subjects]
    if alert.count > len(alert.subjects) > 0:
        lines.append(f"… and {alert.count - len(alert.subjects)} more")
    if alert.command:
        lines.append(f"What to do: {alert.command}")
    return "\n".join(lines) or alert.text


def _notify(url: str, title: str, body: str, tone: str) -> None:
    try:
        apprise: Any = import_module("apprise")
    except ImportError as error:
        raise TryLater(_INSTALL) from error
    asset = apprise.AppriseAsset()
    # With a limit of its own, Apprise sends on threads that the end of the process waits for.
    asset._service_timeout = 0.0
    sender = apprise.Apprise(asset=asset)
    if not sender.add(url):
        raise RefusedForGood("Apprise does not know this form of address: see https://github.com/caronc/apprise/wiki")
    if not sender.notify(title=title, body=body, notify_type=tone):
        raise TryLater("the receiver of the alert did not answer, or refused it")
