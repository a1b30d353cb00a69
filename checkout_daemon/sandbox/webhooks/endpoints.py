"""The health and secrets of webhook endpoints: rolled with an overlap, disabled after days of failures."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.ids import new_id
from checkout_daemon.sandbox.storage import Stored

_DAY = 24 * 3600.0


def secrets_of(endpoint: Stored) -> list[str]:
    """Return the secrets that sign a delivery: the current one, and rolled ones that are still valid."""
    older = [secret["secret"] for secret in endpoint.private.get("rolled", []) if secret["until"] > now()]
    return [str(endpoint.private["secret"]), *older]


def roll_secret(box: Box, endpoint: Stored, overlap: float) -> str:
    """Give an endpoint a new secret. The old one signs as well for `overlap` seconds."""
    rolled = [secret for secret in endpoint.private.get("rolled", []) if secret["until"] > now()]
    if overlap > 0:
        rolled.insert(0, {"secret": endpoint.private["secret"], "until": now() + overlap})
    endpoint.private |= {"secret": new_id("whsec_"), "rolled": rolled}
    box.storage.save(endpoint)
    return str(endpoint.private["secret"])


def record_success(box: Box, endpoint: Stored) -> None:
    """End a count of days without a success."""
    if endpoint.private.pop("failing_since", None) is not None:
        box.storage.save(endpoint)


def record_failure(box: Box, endpoint: Stored) -> None:
    """Count the days without a success. After the planned number the endpoint is disabled."""
    since: float | None = endpoint.private.get("failing_since")
    if since is None:
        endpoint.private["failing_since"] = now()
        box.storage.save(endpoint)
        return
    days = box.trouble.disable_after_days
    if days is not None and now() - since >= days * _DAY and endpoint.body["status"] == "enabled":
        endpoint.body["status"] = "disabled"
        box.storage.save(endpoint)


def drop_deliveries(box: Box, endpoint_id: str) -> None:
    """Drop the pending deliveries of an endpoint."""
    box.storage.connection.execute(
        "UPDATE deliveries SET state = 'dropped', next_at = NULL WHERE endpoint = ? AND state = 'pending'",
        (endpoint_id,),
    )
