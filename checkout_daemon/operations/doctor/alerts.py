"""Check that alerts can be sent to the addresses of CHECKOUT_ALERT_URLS."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

from checkout_daemon.messages.pushes import count_unknown
from checkout_daemon.model.counts import counted
from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.probes import Probes

NAME = "alerts"


async def alerts_can_be_sent(probes: Probes) -> Check:
    """Check that Apprise is installed and knows every address. Nothing is sent."""
    urls = probes.settings.alert_urls
    if not urls:
        return Check.skipped(NAME, "CHECKOUT_ALERT_URLS is not set: alerts are only mailed")
    if find_spec("apprise") is None:
        return Check.failed(NAME, "Apprise is not installed", "pip install 'checkout-daemon[alerts]'")
    if unknown := await asyncio.to_thread(count_unknown, urls):
        detail = f"Apprise does not know {unknown} of {counted(len(urls), 'address', 'addresses')}"
        return Check.failed(NAME, detail, "https://github.com/caronc/apprise/wiki")
    return Check.passed(NAME, f"{counted(len(urls), 'address', 'addresses')} for alerts")
