"""Has Stripe send an event again, through its official CLI, and says what became of it."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from time import monotonic
from typing import Any

from checkout_daemon.errors import CheckoutError, NotFound
from checkout_daemon.events.event_lists import EventOutcome, read_event_outcomes
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.webhook_endpoints import list_endpoints
from checkout_daemon.stripe_cli.program import Finished, StripeCli, run_cli
from checkout_daemon.stripe_sync.endpoint_rules import webhook_url

_CLI_SECONDS = 60.0
_POLL_SECONDS = 0.1
_EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,250}")


class NotResent(CheckoutError):
    """Stripe refused to send it again, or sent it and it did not arrive."""

    code = "not_resent"
    title = "The event was not sent again"


async def resend(runtime: Runtime, cli: StripeCli, event_id: str, *, timeout_seconds: float) -> EventOutcome:
    """What became of it: `duplicate`, with what it was before as reason, for one that is held already.

    Raises NotFound where Stripe has no such event, and NotResent.
    """
    if not _EVENT_ID.fullmatch(event_id):
        raise NotFound(f"{event_id!r} is no id of an event: they begin with evt_")
    held = await _end(runtime, event_id)
    endpoint = await _our_endpoint(runtime)
    to = [] if endpoint is None else ["--webhook-endpoint", endpoint]
    finished = await run_cli(cli, "events", "resend", event_id, "--confirm", *to, timeout_seconds=_CLI_SECONDS)
    event_type = _answered(event_id, finished)
    if held is not None:
        return replace(held, status="duplicate", reason=held.status)
    deadline = monotonic() + timeout_seconds
    while (end := await _end(runtime, event_id)) is None:
        if monotonic() >= deadline:
            to_whom = f"the endpoint {endpoint}" if endpoint else "those who run `checkout listen`"
            raise NotResent(
                f"Stripe took {event_type} {event_id} to send it to {to_whom}, but it did not arrive here within "
                f"{timeout_seconds:g} s: `checkout doctor` says what is wrong with the endpoint; "
                "where Stripe cannot reach this machine, run `checkout listen`"
            )
        await asyncio.sleep(_POLL_SECONDS)
    return end


async def _our_endpoint(runtime: Runtime) -> str | None:
    """The id of the enabled endpoint at Stripe whose deliveries come to us."""
    url = webhook_url(runtime.settings.public_url)
    endpoints = (await list_endpoints(runtime.gateway)).object["data"]
    return next((each["id"] for each in endpoints if each["url"] == url and each["status"] == "enabled"), None)


async def _end(runtime: Runtime, event_id: str) -> EventOutcome | None:
    return (await runtime.database.run(read_event_outcomes, [event_id])).get(event_id)


def _answered(event_id: str, finished: Finished) -> str:
    """The event's type. The CLI ends with 0 also where Stripe refused, and prints what Stripe answered."""
    try:
        answer: dict[str, Any] = json.loads(finished.stdout)
    except ValueError:
        said = (finished.stderr or finished.stdout).strip()[:500]
        raise NotResent(f"the Stripe CLI failed: {said or f'exit status {finished.code}'}") from None
    if error := answer.get("error"):
        if error.get("code") == "resource_missing":
            raise NotFound(
                f"Stripe has no event {event_id}: it keeps them for 30 days, each for its own account and mode"
            )
        raise NotResent(f"Stripe refused to send {event_id} again: {error.get('message')}")
    return str(answer.get("type"))
