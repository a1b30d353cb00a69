"""Replace the webhook secret without losing a delivery. Stripe's API cannot roll one, so a new endpoint takes over.

Each run takes the step that is due:

1. Create a new endpoint next to the old one. The daemon knows both secrets.
2. Once the new secret has signed a delivery, disable the old endpoint.
3. Once no old secret has signed a delivery for 24 hours, delete the old endpoint.

The progress is in the metadata of the endpoints at Stripe. An event that arrives from both is an ordinary duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from checkout_daemon.clocks import require_clocks
from checkout_daemon.database.server import read_now
from checkout_daemon.errors import NotFound
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.webhook_endpoints import delete_endpoint, update_endpoint
from checkout_daemon.stripe_sync.endpoint_rules import RETIRED_AT, Endpoint
from checkout_daemon.stripe_sync.our_endpoint import Reveal, create_another, endpoints_for
from checkout_daemon.stripe_sync.secret_matches import Matches, matches_lately

_QUIET = timedelta(hours=24)


class Stage(StrEnum):
    """The progress of a rotation, and what its next run does."""

    NONE = "none"  # begin: create the new endpoint
    WAITING = "waiting"  # nothing: the new secret has not signed a delivery yet
    PROVED = "proved"  # disable the old endpoints
    DRAINING = "draining"  # nothing: deliveries of the old endpoints may still arrive
    QUIET = "quiet"  # delete the old endpoints


@dataclass(frozen=True, slots=True)
class Rotation:
    """`old_may_go_at` is set once the old ones are disabled. A delivery that an old secret signed postpones it."""

    stage: Stage
    new: Endpoint | None
    old: tuple[Endpoint, ...]
    old_may_go_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rotated:
    """The rotation after a run. `secret` is the new one, which is revealed only once."""

    rotation: Rotation
    secret: str | None = None
    deleted: tuple[Endpoint, ...] = ()


async def read_rotation(runtime: Runtime, url: str) -> Rotation:
    """Return the progress of the rotation for this URL. Raise NotFound if no endpoint exists."""
    endpoints = await endpoints_for(runtime.gateway, url)
    if not endpoints:
        raise NotFound(f"Stripe has no endpoint for {url}: `checkout webhook create` creates one")
    return _rotation(endpoints, await matches_lately(runtime.database), await _now(runtime))


def _rotation(endpoints: Sequence[Endpoint], matches: Mapping[str, Matches], now: datetime) -> Rotation:
    """Return the progress that follows from all endpoints for the URL, newest first."""
    ids = {endpoint.id for endpoint in endpoints}
    # Without a fingerprint, it is not sure that the run that created it has shown the secret: perhaps nobody knows it.
    new = next((endpoint for endpoint in endpoints if endpoint.secret and ids.intersection(endpoint.replaces)), None)
    if new is None:
        return Rotation(Stage.NONE, None, tuple(endpoints))
    old = tuple(endpoint for endpoint in endpoints if endpoint.id != new.id)
    if new.secret not in matches:
        return Rotation(Stage.WAITING, new, old)
    if any(endpoint.retired_at is None or endpoint.status == "enabled" for endpoint in old):
        return Rotation(Stage.PROVED, new, old)
    known = {endpoint.secret for endpoint in old}
    # If the secret of an old endpoint is not known, it may be any but the new one.
    old_matches = [
        found.last_at for name, found in matches.items() if name != new.secret and (name in known or None in known)
    ]
    retired = [endpoint.retired_at for endpoint in old if endpoint.retired_at is not None]
    may_go_at = max([*old_matches, *retired]) + _QUIET
    return Rotation(Stage.QUIET if now >= may_go_at else Stage.DRAINING, new, old, may_go_at)


async def rotate(runtime: Runtime, url: str, rotation: Rotation, reveal: Reveal) -> Rotated:
    """Take the step that is due. `reveal` shows the secret of a new endpoint."""
    gateway = runtime.gateway
    match rotation.stage:
        case Stage.NONE:
            created = await create_another(gateway, url, [endpoint.id for endpoint in rotation.old], reveal)
            return Rotated(Rotation(Stage.WAITING, created.endpoint, rotation.old), secret=created.secret)
        case Stage.PROVED:
            now = await _now(runtime)
            retired = {"disabled": True, "metadata": {RETIRED_AT: str(int(now.timestamp()))}}
            for endpoint in rotation.old:
                await update_endpoint(gateway, endpoint.id, retired)
            return Rotated(await read_rotation(runtime, url))
        case Stage.QUIET:
            await require_clocks(runtime)
            for endpoint in rotation.old:
                await delete_endpoint(gateway, endpoint.id)
            return Rotated(Rotation(Stage.NONE, rotation.new, ()), deleted=rotation.old)
        case Stage.WAITING | Stage.DRAINING:
            return Rotated(rotation)


async def _now(runtime: Runtime) -> datetime:
    async with runtime.database.connection() as connection:
        return await read_now(connection)
