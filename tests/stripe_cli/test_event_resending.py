"""An event is sent again to the endpoint that delivers to this shop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_cli.event_resending import plan_resend
from tests.support.balance import post
from tests.support.flaky_stripe import FlakyStripe


@pytest.mark.parametrize("host", ["localhost", "LocalHost"])
async def test_the_endpoint_is_found_however_its_address_is_spelled(
    runtime: Runtime, stripe: FlakyStripe, host: str
) -> None:
    shop = replace(runtime, settings=replace(runtime.settings, public_url="http://localhost:8000"))
    form = {"url": f"http://{host}:8000/api/webhook", "enabled_events[]": "*"}
    endpoint = await post(stripe, "/v1/webhook_endpoints", form)
    assert (await plan_resend(shop, "evt_1")).endpoint == endpoint["id"]
