"""Register the webhook endpoint at the offline Stripe, once for all runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from checkout_daemon.errors import StripeRejected
from checkout_daemon.stripe_sync.endpoint_rules import API_VERSION, SECRET_MARK, endpoint_parameters, fingerprint
from checkout_daemon.stripe_sync.remembered_endpoint import RememberedEndpoint, read_remembered, remember


async def ensure_endpoint(
    http: aiohttp.ClientSession, base: str, key: str, url: str, state_dir: Path
) -> RememberedEndpoint:
    """Return the endpoint for deliveries to `url`: the one of earlier runs if Stripe still has it, else a new one."""
    endpoints = f"{base}/v1/webhook_endpoints"
    wanted = _form(endpoint_parameters(url, "checkout dev"))
    known = read_remembered(state_dir)
    endpoint = None if known is None else await _kept(http, endpoints, key, wanted, known)
    # The daemon would refuse every delivery from an endpoint whose secret it lacks, and Stripe retry for three days.
    listed = await _call(http, "GET", f"{endpoints}?limit=100", key) or {"data": []}
    for stale in listed["data"]:
        if stale["url"] == url and (endpoint is None or stale["id"] != endpoint.id):
            await _call(http, "DELETE", f"{endpoints}/{stale['id']}", key)
    if endpoint is not None:
        return endpoint
    made = await _call(http, "POST", endpoints, key, wanted)
    if made is None:
        raise StripeRejected(f"{endpoints} does not exist: is this Stripe's API?")
    endpoint = RememberedEndpoint(made["id"], made["secret"])
    remember(state_dir, endpoint)
    await _call(http, "POST", f"{endpoints}/{endpoint.id}", key, [_mark(endpoint)])
    return endpoint


async def _kept(
    http: aiohttp.ClientSession, endpoints: str, key: str, wanted: list[tuple[str, str]], known: RememberedEndpoint
) -> RememberedEndpoint | None:
    """Update and return the endpoint of earlier runs, or None if Stripe no longer has it or cannot update it."""
    changes = [(name, value) for name, value in wanted if name != "api_version"]  # Stripe does not change that
    answer = await _call(http, "POST", f"{endpoints}/{known.id}", key, [*changes, ("disabled", "false"), _mark(known)])
    return known if answer is not None and answer["api_version"] == API_VERSION else None


def _mark(endpoint: RememberedEndpoint) -> tuple[str, str]:
    return f"metadata[{SECRET_MARK}]", fingerprint(endpoint.secret)


def _form(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the parameters as form fields of Stripe's API."""
    fields: list[tuple[str, str]] = []
    for name, value in parameters.items():
        fields += [(f"{name}[]", item) for item in value] if isinstance(value, list) else [(name, str(value))]
    return fields


async def _call(
    http: aiohttp.ClientSession, method: str, url: str, key: str, form: Sequence[tuple[str, str]] = ()
) -> dict[str, Any] | None:
    """Call Stripe and return the object of its response, or None for 404."""
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
