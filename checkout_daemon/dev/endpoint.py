"""The webhook endpoint at the offline Stripe: made once, kept over runs, its secret with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from checkout_daemon.domain.webhook_endpoint import API_VERSION, SECRET_MARK, endpoint_parameters
from checkout_daemon.domain.webhook_secrets import fingerprint
from checkout_daemon.errors import StripeRejected
from checkout_daemon.private_files import write_private

ENDPOINT = "endpoint.json"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Id and secret in one file, so that they always belong together: Stripe tells the secret only once."""

    id: str
    secret: str = field(repr=False)


async def ensure_endpoint(http: aiohttp.ClientSession, base: str, key: str, url: str, state_dir: Path) -> Endpoint:
    """The endpoint for deliveries to `url`: the one of earlier runs where Stripe still has it, else a new one."""
    path = state_dir / ENDPOINT
    endpoints = f"{base}/v1/webhook_endpoints"
    wanted = _form(endpoint_parameters(url, "checkout dev"))
    known = _remembered(path)
    endpoint = None if known is None else await _kept(http, endpoints, key, wanted, known)
    # Endpoints whose secret nobody knows would have every delivery refused, and retried for three days.
    listed = await _call(http, "GET", f"{endpoints}?limit=100", key) or {"data": []}
    for stale in listed["data"]:
        if stale["url"] == url and (endpoint is None or stale["id"] != endpoint.id):
            await _call(http, "DELETE", f"{endpoints}/{stale['id']}", key)
    if endpoint is not None:
        return endpoint
    made = await _call(http, "POST", endpoints, key, wanted)
    if made is None:
        raise StripeRejected(f"{endpoints} does not exist: is that Stripe's API?")
    endpoint = Endpoint(made["id"], made["secret"])
    _remember(path, endpoint)
    await _call(http, "POST", f"{endpoints}/{endpoint.id}", key, [_mark(endpoint)])
    return endpoint


def remember_instead(state_dir: Path, old: Sequence[str], endpoint_id: str, secret: str) -> None:
    """Where the endpoint of earlier runs is one of `old`, this one takes its place."""
    path = state_dir / ENDPOINT
    known = _remembered(path)
    if known is not None and known.id in old:
        _remember(path, Endpoint(endpoint_id, secret))


async def _kept(
    http: aiohttp.ClientSession, endpoints: str, key: str, wanted: list[tuple[str, str]], known: Endpoint
) -> Endpoint | None:
    """The one of earlier runs, made as it must be; None where Stripe has it no more, or cannot make it so."""
    changes = [(name, value) for name, value in wanted if name != "api_version"]  # Stripe does not change that
    answer = await _call(http, "POST", f"{endpoints}/{known.id}", key, [*changes, ("disabled", "false"), _mark(known)])
    return known if answer is not None and answer["api_version"] == API_VERSION else None


def _remembered(path: Path) -> Endpoint | None:
    return Endpoint(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _remember(path: Path, endpoint: Endpoint) -> None:
    write_private(path, json.dumps(asdict(endpoint), indent=2) + "\n")


def _mark(endpoint: Endpoint) -> tuple[str, str]:
    return f"metadata[{SECRET_MARK}]", fingerprint(endpoint.secret)


def _form(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """As Stripe's API takes them."""
    fields: list[tuple[str, str]] = []
    for name, value in parameters.items():
        fields += [(f"{name}[]", each) for each in value] if isinstance(value, list) else [(name, str(value))]
    return fields


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
