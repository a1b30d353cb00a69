"""Checks of what Stripe knows of us: the endpoint it delivers to, the secrets it signs with, and the time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from checkout_daemon.domain.events import EVENT_TYPES
from checkout_daemon.services.doctor.check import Check
from checkout_daemon.services.doctor.probes import Probes

_MOST_AHEAD = timedelta(seconds=10)  # a signature is refused at 300
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def clock_agrees(probes: Probes) -> Check:
    told = {}
    if probes.server is not None:
        told["the database"] = probes.database_ahead
    if probes.endpoints is not None:
        told["Stripe"] = probes.stripe_ahead
    if not told:
        return Check.failed("clock", "neither the database nor Stripe answers", probes.mend_database)
    detail = ", ".join(f"{abs(ahead.total_seconds()):.0f} s from {whose}" for whose, ahead in told.items())
    if any(abs(ahead) > _MOST_AHEAD for ahead in told.values()):
        return Check.failed("clock", f"this machine's clock is {detail}", "timedatectl set-ntp true")
    return Check.passed("clock", detail)


def endpoint_registered(probes: Probes) -> Check:
    """Stripe has an endpoint for us, enabled, with every type that we use."""
    url = f"{probes.settings.public_url}/api/webhook"
    if probes.endpoints is None:
        return Check.failed("endpoint", f"cannot be told: {probes.stripe_trouble}", probes.mend_stripe)
    ours = [each for each in probes.endpoints if each["url"] == url]
    if not ours:
        if not probes.offline_stripe and urlsplit(url).hostname in _LOOPBACK:
            detail = f"Stripe cannot reach {url}; its CLI can forward to it"
            return Check.failed("endpoint", detail, f"stripe listen --forward-to {url}")
        events = " ".join(f"--enabled-events {each}" for each in EVENT_TYPES)
        mend = f"stripe webhook_endpoints create{_live(probes)} --url {url} {events}"
        return Check.failed("endpoint", f"none at Stripe for {url}", _mend(probes, mend))
    faults = [(each, _fault(each)) for each in ours]
    if any(fault is None for _, fault in faults):
        return Check.passed("endpoint", f"{url} gets all {len(EVENT_TYPES)} types of event that are used")
    endpoint, fault = faults[0]
    events = " ".join(f"--enabled-events {each}" for each in EVENT_TYPES)
    mend = f'stripe webhook_endpoints update {endpoint["id"]}{_live(probes)} -d "disabled=false" {events}'
    return Check.failed("endpoint", f"{endpoint['id']} for {url} {fault}", _mend(probes, mend))


def secrets_set(probes: Probes) -> Check:
    count = len(probes.settings.webhook_secrets)
    if not count:
        mend = "checkout dev" if probes.demo_stripe else "export STRIPE_WEBHOOK_SECRET=whsec_…"
        return Check.failed("secrets", "STRIPE_WEBHOOK_SECRET is not set: no delivery can be believed", mend)
    return Check.passed("secrets", "one secret" if count == 1 else f"{count} secrets: a rotation is under way")


def _fault(endpoint: dict[str, Any]) -> str | None:
    if endpoint["status"] != "enabled":
        return f"is {endpoint['status']}"
    missing = set(EVENT_TYPES) - set(endpoint["enabled_events"])
    if missing and "*" not in endpoint["enabled_events"]:
        return f"does not get {', '.join(sorted(missing))}"
    return None


def _mend(probes: Probes, command: str) -> str:
    """The offline Stripe's endpoint is made and mended by whoever starts it."""
    return "checkout dev" if probes.demo_stripe else command


def _live(probes: Probes) -> str:
    return " --live" if probes.settings.livemode else ""
