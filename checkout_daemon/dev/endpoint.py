"""Register the webhook endpoint at the offline Stripe, once for all runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from checkout_daemon.stripe_api.client import StripeGateway, StripeMissing
from checkout_daemon.stripe_api.webhook_endpoints import (
    create_endpoint,
    delete_endpoint,
    list_endpoints,
    update_endpoint,
)
from checkout_daemon.stripe_sync.endpoint_rules import API_VERSION, SECRET_MARK, endpoint_parameters, fingerprint
from checkout_daemon.stripe_sync.remembered_endpoint import RememberedEndpoint, read_remembered, remember


async def ensure_endpoint(gateway: StripeGateway, url: str, state_dir: Path) -> RememberedEndpoint:
    """Return the endpoint for deliveries to `url`: the one of earlier runs if Stripe still has it, else a new one."""
    wanted = endpoint_parameters(url, "checkout dev")
    remembered = read_remembered(state_dir)
    endpoint = remembered if remembered and await _update(gateway, wanted, remembered) else None
    # The daemon would refuse every delivery from an endpoint whose secret it lacks, and Stripe retry for three days.
    for stale in (await list_endpoints(gateway)).object["data"]:
        if stale["url"] == url and (endpoint is None or stale["id"] != endpoint.id):
            await delete_endpoint(gateway, stale["id"])
    if endpoint is None:
        created = await create_endpoint(gateway, wanted)
        endpoint = RememberedEndpoint(created["id"], created["secret"])
        remember(state_dir, endpoint)
        await update_endpoint(gateway, endpoint.id, _mark(endpoint))
    return endpoint


async def _update(gateway: StripeGateway, wanted: dict[str, Any], endpoint: RememberedEndpoint) -> bool:
    """Update the endpoint of earlier runs. Return False if Stripe no longer has it, or it has another API version."""
    changes = {name: value for name, value in wanted.items() if name != "api_version"}  # Stripe does not change that
    try:
        updated = await update_endpoint(gateway, endpoint.id, {**changes, "disabled": False, **_mark(endpoint)})
    except StripeMissing:
        return False
    return bool(updated["api_version"] == API_VERSION)


def _mark(endpoint: RememberedEndpoint) -> dict[str, Any]:
    return {"metadata": {SECRET_MARK: fingerprint(endpoint.secret)}}
