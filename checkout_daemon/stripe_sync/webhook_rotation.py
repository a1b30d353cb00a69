"""A new webhook secret without losing a delivery: Stripe's API cannot roll one, so a new endpoint takes over.

Run again and again, each run does what is due: a new endpoint beside the old, both secrets known to the daemon; when a
delivery came that the new one signed, the old endpoint is disabled; when for 24 hours none came that an old one
signed, it is deleted. Where it stands is written on the endpoints at Stripe. Meanwhile an event can come twice: the
second is a duplicate like any other.
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
from checkout_daemon.stripe_sync.secret_match_store import Matches
from checkout_daemon.stripe_sync.secret_matches import matches_lately
from checkout_daemon.stripe_sync.webhook_endpoints import endpoints_for, make

QUIET = timedelta(hours=24)
"""So long nothing signed with the old secret must have come."""


class Stage(StrEnum):
    """Where a rotation stands, and what its next run does."""

    NONE = "none"  # begin: make the new endpoint
    WAITING = "waiting"  # nothing: no delivery has come yet that the new secret signed
    PROVED = "proved"  # disable the old endpoints
    DRAINING = "draining"  # nothing: the old ones may not go yet
    QUIET = "quiet"  # delete the old ones


@dataclass(frozen=True, slots=True)
class Rotation:
    """`old_may_go_at` is known once the old ones are disabled; a delivery that an old secret signed moves it."""

    stage: Stage
    new: Endpoint | None
    old: tuple[Endpoint, ...]
    old_may_go_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a run did: `before` is where it stood, `secret` the new one, told once."""

    before: Stage
    rotation: Rotation
    secret: str | None = None
    gone: tuple[Endpoint, ...] = ()


async def stand(runtime: Runtime, url: str) -> Rotation:
    """Where a rotation of the endpoint for this URL stands. Raises NotFound where there is no endpoint."""
    endpoints = await endpoints_for(runtime.gateway, url)
    if not endpoints:
        raise NotFound(f"Stripe has no endpoint for {url}: `checkout webhook create` makes one")
    async with runtime.database.connection() as connection:
        now = await read_now(connection)
    return judge(endpoints, await matches_lately(runtime.database), now)


def judge(endpoints: Sequence[Endpoint], matches: Mapping[str, Matches], now: datetime) -> Rotation:
    """`endpoints`: all for the URL, the newest first."""
    ids = {each.id for each in endpoints}
    # One without its mark was made by a run that died before it could tell the secret: nobody knows it.
    new = next((each for each in endpoints if each.secret and ids.intersection(each.replaces)), None)
    if new is None:
        return Rotation(Stage.NONE, None, tuple(endpoints))
    old = tuple(each for each in endpoints if each.id != new.id)
    if new.secret not in matches:
        return Rotation(Stage.WAITING, new, old)
    if any(each.retired_at is None or each.status == "enabled" for each in old):
        return Rotation(Stage.PROVED, new, old)
    known = {each.secret for each in old}
    # Where it is not known which secret an old endpoint signs with, it may be any.
    theirs = [each.last_at for name, each in matches.items() if name != new.secret and (name in known or None in known)]
    retired = [each.retired_at for each in old if each.retired_at is not None]
    may_go_at = max([*theirs, *retired]) + QUIET
    return Rotation(Stage.QUIET if now >= may_go_at else Stage.DRAINING, new, old, may_go_at)


async def rotate(runtime: Runtime, url: str, rotation: Rotation) -> Rotated:
    """Do what is due where it stands."""
    gateway = runtime.gateway
    match rotation.stage:
        case Stage.NONE:
            made = await make(gateway, url, [each.id for each in rotation.old])
            after = Rotation(Stage.WAITING, made.endpoint, rotation.old)
            return Rotated(rotation.stage, after, secret=made.secret)
        case Stage.PROVED:
            async with runtime.database.connection() as connection:
                now = await read_now(connection)
            retired = {"disabled": True, "metadata": {RETIRED_AT: str(int(now.timestamp()))}}
            for each in rotation.old:
                await update_endpoint(gateway, each.id, retired)
            return Rotated(rotation.stage, await stand(runtime, url))
        case Stage.QUIET:
            await require_clocks(runtime)
            for each in rotation.old:
                await delete_endpoint(gateway, each.id)
            return Rotated(rotation.stage, Rotation(Stage.NONE, rotation.new, ()), gone=rotation.old)
        case Stage.WAITING | Stage.DRAINING:
            return Rotated(rotation.stage, rotation)
