"""What our webhook endpoint at Stripe must be like, and names for its secret: https://docs.stripe.com/api/webhook_endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from checkout_daemon.ledger.event_types import BALANCE_TYPES, ENDPOINT_TYPES, EVENT_TYPES
from checkout_daemon.ledger.translate.stripe_objects import read_moment

API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API that the pinned SDK uses and that events are rendered in."""

# Keys of an endpoint's metadata
SECRET_MARK = "checkout_fingerprint"  # noqa: S105 - the fingerprint of its secret
REPLACES = "checkout_replaces"  # ids of the endpoints to delete once this one is in use
RETIRED_AT = "checkout_retired_at"  # when it was disabled because another is in use


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint at Stripe. `api_version` is None if it has the account's default."""

    id: str
    url: str
    status: str
    api_version: str | None
    livemode: bool
    created_at: datetime
    missing: tuple[str, ...]  # types that we need and that it does not get
    extra: tuple[str, ...]  # types that it gets and that we do not use
    secret: str | None  # the secret's fingerprint, if we created the endpoint
    replaces: tuple[str, ...]
    retired_at: datetime | None

    def faults(self, *, exact: bool) -> list[str]:
        """Return what is wrong, such as `is disabled`. Unless `exact`, ignore extra types and a default API version."""
        faults = [] if self.status == "enabled" else [f"is {self.status}"]
        if self.missing:
            faults.append(f"does not get {', '.join(self.missing)}")
        if self.extra and exact:
            faults.append(f"gets {', '.join(self.extra)} too")
        if self.api_version != API_VERSION and (exact or self.api_version is not None):
            faults.append(f"has API version {self.api_version or 'of the account'}, not {API_VERSION}")
        return faults


def webhook_url(public_url: str) -> str:
    """Return the URL at which the daemon accepts Stripe's deliveries."""
    return f"{public_url}/api/webhook"


def endpoint_parameters(url: str, description: str) -> dict[str, Any]:
    """Return the parameters with which to create an endpoint."""
    return {"url": url, "enabled_events": list(ENDPOINT_TYPES), "api_version": API_VERSION, "description": description}


def read_endpoint(endpoint: Mapping[str, Any]) -> Endpoint:
    """Read an endpoint from an answer of Stripe's API."""
    types = set(endpoint["enabled_events"])
    needed = set() if "*" in types else set(EVENT_TYPES)
    metadata: Mapping[str, str] = endpoint.get("metadata") or {}
    retired_at = metadata.get(RETIRED_AT, "")
    return Endpoint(
        id=endpoint["id"],
        url=endpoint["url"],
        status=endpoint["status"],
        api_version=endpoint.get("api_version"),
        livemode=endpoint["livemode"],
        created_at=datetime.fromtimestamp(endpoint["created"], UTC),
        missing=tuple(sorted(needed - types)),
        extra=tuple(sorted(types - {*EVENT_TYPES, *BALANCE_TYPES})),
        secret=metadata.get(SECRET_MARK) or None,
        replaces=tuple(filter(None, metadata.get(REPLACES, "").split(","))),
        retired_at=read_moment(int(retired_at)) if retired_at.isdecimal() else None,
    )


@lru_cache(maxsize=64)
def fingerprint(secret: str) -> str:
    """Return eight hexadecimal digits: enough to tell secrets apart, far too few to find one."""
    return sha256(secret.encode()).hexdigest()[:8]


def masked(secret: str) -> str:
    """Return the secret as Stripe's dashboard shows keys: its last four characters, none of a short one."""
    return f"whsec_…{secret.removeprefix('whsec_')[-4:]}" if len(secret) > 16 else "whsec_…"
