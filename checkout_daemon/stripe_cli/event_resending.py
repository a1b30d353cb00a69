"""Have Stripe send an event again, through its official CLI, and return the outcome."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.events.event_lists import EventOutcome, read_event_outcomes
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.webhook_endpoints import list_endpoints
from checkout_daemon.stripe_cli.program import Finished, StripeCli, run_cli
from checkout_daemon.stripe_sync.endpoint_rules import webhook_url
from checkout_daemon.urls import same_address

_CLI_SECONDS = 60.0
_POLL_SECONDS = 0.1
_EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,250}")


class NotResent(CheckoutError):
    """Stripe refused to send the event again, or sent it and it did not arrive."""

    code = "not_resent"
    title = "The event was not sent again"


@dataclass(frozen=True, slots=True)
class ResendPlan:
    """What `resend` would have Stripe do. Without an endpoint, every running `checkout listen` gets the event."""

    event_id: str
    status_before: str | None
    endpoint: str | None


async def plan_resend(runtime: Runtime, event_id: str) -> ResendPlan:
    """Return where the event would be sent, and its status here, or None if it never arrived. Raise NotFound."""
    earlier = await _read_earlier(runtime, event_id)
    return ResendPlan(event_id, None if earlier is None else earlier.status, await _our_endpoint(runtime))


async def resend(runtime: Runtime, cli: StripeCli, event_id: str, *, timeout_seconds: float) -> EventOutcome:
    """Return the event's outcome. If we had it before, that is `duplicate`, with its earlier status as the reason.

    Raise NotFound if Stripe has no such event, and NotResent.
    """
    earlier = await _read_earlier(runtime, event_id)
    endpoint = await _our_endpoint(runtime)
    to = [] if endpoint is None else ["--webhook-endpoint", endpoint]
    finished = await run_cli(cli, "events", "resend", event_id, "--confirm", *to, timeout_seconds=_CLI_SECONDS)
    event_type = _type_of_resent(event_id, finished)
    if earlier is not None:
        return replace(earlier, status="duplicate", reason=earlier.status)
    deadline = monotonic() + timeout_seconds
    while (outcome := await _outcome(runtime, event_id)) is None:
        if monotonic() >= deadline:
            receiver = f"the endpoint {endpoint}" if endpoint else "every running `checkout listen`"
            raise NotResent(
                f"Stripe agreed to send {event_type} {event_id} to {receiver}, but it did not arrive here within "
                f"{timeout_seconds:g} s: run `checkout doctor` to check the endpoint, or `checkout listen` if Stripe "
                "cannot reach this machine"
            )
        await asyncio.sleep(_POLL_SECONDS)
    return outcome


async def _read_earlier(runtime: Runtime, event_id: str) -> EventOutcome | None:
    if not _EVENT_ID.fullmatch(event_id):
        raise NotFound(f"{event_id!r} is not an event id: event ids start with evt_")
    return await _outcome(runtime, event_id)


async def _our_endpoint(runtime: Runtime) -> str | None:
    """Return the id of the enabled endpoint at Stripe that delivers to us."""
    url = webhook_url(runtime.settings.public_url)
    endpoints = (await list_endpoints(runtime.gateway)).object["data"]
    ours = (
        endpoint["id"]
        for endpoint in endpoints
        if endpoint["status"] == "enabled" and same_address(endpoint["url"], url)
    )
    return next(ours, None)


async def _outcome(runtime: Runtime, event_id: str) -> EventOutcome | None:
    return (await runtime.database.run(read_event_outcomes, [event_id])).get(event_id)


def _type_of_resent(event_id: str, finished: Finished) -> str:
    """Return the event's type from Stripe's response, which the CLI prints; its exit status is 0 for a refusal too."""
    try:
        response: dict[str, Any] = json.loads(finished.stdout)
    except ValueError:
        reason = (finished.stderr or finished.stdout).strip()[:500] or f"exit status {finished.code}"
        raise NotResent(f"the Stripe CLI failed: {reason}") from None
    if error := response.get("error"):
        if error.get("code") == "resource_missing":
            raise NotFound(f"Stripe has no event {event_id} in this account and mode; it keeps events for 30 days")
        raise NotResent(f"Stripe refused to send {event_id} again: {error.get('message')}")
    return str(response.get("type"))
