"""Disputes and their evidence at Stripe: https://docs.stripe.com/api/disputes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from checkout_daemon.stripe_api.client import Fetched, StripeGateway


async def retrieve_dispute(gateway: StripeGateway, dispute_id: str) -> Fetched:
    """Return a dispute. Raise StripeMissing."""
    return await gateway.request("disputes.retrieve", dispute_id)


async def upload_evidence(gateway: StripeGateway, name: str, content: bytes, idempotency_key: str) -> Fetched:
    """Upload a file (PDF, JPEG, PNG) for evidence. The same key and content return the same file."""
    file = io.BytesIO(content)
    file.name = name
    params: dict[str, Any] = {"purpose": "dispute_evidence", "file": file}
    return await gateway.request("files.create", params=params, options={"idempotency_key": idempotency_key})


async def send_evidence(
    gateway: StripeGateway,
    dispute_id: str,
    evidence: Mapping[str, str],
    metadata: Mapping[str, str],
    idempotency_key: str,
    *,
    submit: bool,
) -> Fetched:
    """Send evidence to Stripe, which only stores it unless `submit`; it can be submitted once."""
    params: dict[str, Any] = {"evidence": dict(evidence), "metadata": dict(metadata), "submit": submit}
    return await gateway.request(
        "disputes.update", dispute_id, params=params, options={"idempotency_key": idempotency_key}
    )


async def close_dispute(gateway: StripeGateway, dispute_id: str, idempotency_key: str) -> Fetched:
    """Accept a dispute: it is lost, and the money stays with the customer. An inquiry is only closed."""
    return await gateway.request("disputes.close", dispute_id, options={"idempotency_key": idempotency_key})
