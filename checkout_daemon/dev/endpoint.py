"""The webhook endpoint at the offline Stripe: made once, kept over runs, its secret with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from checkout_daemon.dev.files import write_private
from checkout_daemon.domain.events import EVENT_TYPES
from checkout_daemon.errors import StripeRejected

ENDPOINT = "endpoint.json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Id and secret in one file, so that they always belong together: Stripe tells the secret only once."""

    id: str
    secret: str


async def ensure_endpoint(http: aiohttp.ClientSession, base: str, key: str, url: str, state_dir: Path) -> Endpoint:
    """The endpoint for deliveries to `url`: the one of earlier runs where Stripe still has it, else a new one."""
    path = state_dir / ENDPOINT
    endpoints = f"{base}/v1/webhook_endpoints"
    wanted = [("url", url), *(("enabled_events[]", each) for each in EVENT_TYPES)]
    if path.is_file():
        known = Endpoint(**json.loads(path.read_text(encoding="utf-8")))
        answer = await _call(http, "POST", f"{endpoints}/{known.id}", key, [*wanted, ("disabled", "false")])
        if answer is not None:
            return known
    # Endpoints whose secret nobody knows would have every delivery refused, and retried for three days.
    listed = await _call(http, "GET", f"{endpoints}?limit=100", key) or {"data": []}
    for stale in listed["data"]:
        if stale["url"] == url:
            await _call(http, "DELETE", f"{endpoints}/{stale['id']}", key)
    made = await _call(http, "POST", endpoints, key, [*wanted, ("description", "checkout dev")])
    if made is None:
        raise StripeRejected(f"{endpoints} does not exist: is that Stripe's API?")
    endpoint = Endpoint(made["id"], made["secret"])
    write_private(path, json.dumps(asdict(endpoint), indent=2) + "\n")
    return endpoint


async def _call(
    http: aiohttp.ClientSession, method: str, url: str, key: str, form: Sequence[tuple[str, str]] = ()
) -> dict[str, Any] | None:
    """The answer's object; None for 404."""
    async with http.request(
        method, url, data=list(form) or None, headers={"Authorization": f"Bearer {key}"}
    ) as response:
        if response.status == 404:
            return None
        answer: dict[str, Any] = await response.json()
        if response.status != 200:
            said = answer.get("error", {}).get("message", response.status)
            raise StripeRejected(f"the webhook endpoint cannot be registered: {said}")
        return answer
