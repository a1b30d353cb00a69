"""What our webhook endpoint at Stripe must be like, and what one of them is: https://docs.stripe.com/api/webhook_endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checkout_daemon.ledger.event_types import EVENT_TYPES

API_VERSION = "2026-10-28.endive"
"""Of Stripe's API: what the pinned SDK speaks, and events are rendered in."""

SECRET_MARK = "checkout_fingerprint"  # noqa: S105 - metadata: the fingerprint of its secret
REPLACES = "checkout_replaces"  # metadata: ids of the endpoints that go once this one is in use
RETIRED_AT = "checkout_retired_at"  # metadata: when it was disabled because another is in use


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One at Stripe. `api_version` None: the account's default."""

    id: str
    url: str
    status: str
    api_version: str | None
    livemode: bool
    created_at: datetime
    missing: tuple[str, ...]  # types that we need and it does not get
    extra: tuple[str, ...]  # types that it gets and we do not use
    secret: str | None  # the fingerprint, where we made it
    replaces: tuple[str, ...]
    retired_at: datetime | None

    @property
    def faults(self) -> list[str]:
        """What is not as it must be, each as the end of a sentence about it."""
        faults = []
        if self.status != "enabled":
            faults.append(f"is {self.status}")
        if self.missing:
            faults.append(f"does not get {', '.join(self.missing)}")
        if self.extra:
            faults.append(f"gets {', '.join(self.extra)} too")
        if self.api_version != API_VERSION:
            faults.append(f"has API version {self.api_version or 'of the account'}, not {API_VERSION}")
        return faults


def webhook_url(public_url: str) -> str:
    """Return the address at which the daemon takes Stripe's deliveries."""
    return f"{public_url}/api/webhook"


def endpoint_parameters(url: str, description: str) -> dict[str, Any]:
    """To make one with."""
    return {"url": url, "enabled_events": list(EVENT_TYPES), "api_version": API_VERSION, "description": description}


def read_endpoint(told: Mapping[str, Any]) -> Endpoint:
    """As Stripe's API tells of it."""
    types = set(told["enabled_events"])
    needed = set() if "*" in types else set(EVENT_TYPES)
    metadata: Mapping[str, str] = told.get("metadata") or {}
    retired_at = metadata.get(RETIRED_AT, "")
    return Endpoint(
        id=told["id"],
        url=told["url"],
        status=told["status"],
        api_version=told.get("api_version"),
        livemode=told["livemode"],
        created_at=datetime.fromtimestamp(told["created"], UTC),
        missing=tuple(sorted(needed - types)),
        extra=tuple(sorted(types - set(EVENT_TYPES))),
        secret=metadata.get(SECRET_MARK) or None,
        replaces=tuple(filter(None, metadata.get(REPLACES, "").split(","))),
        retired_at=datetime.fromtimestamp(int(retired_at), UTC) if retired_at.isdecimal() else None,
    )
