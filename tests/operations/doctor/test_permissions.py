"""Each permission that a restricted key needs is tried, and what it lacks is named with the page that creates a key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from checkout_daemon.operations.doctor import Check, examine
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_api.permissions import PERMISSIONS, Permission, creation_url
from tests.support.flaky_stripe import FlakyStripe, deny


async def permissions(settings: Settings) -> Check:
    restricted = replace(settings, stripe_api_key="rk_test_doctor0123456789")
    (check,) = [check async for check in examine(restricted, ["permissions"])]
    return check


async def test_a_key_with_every_permission_passes_and_changes_nothing(settings: Settings, stripe: FlakyStripe) -> None:
    check = await permissions(settings)
    assert (check.ok, check.detail, check.fix) == (True, "all 7 that are needed", None)
    tried = [
        request.path for request in stripe.requests if "checkout_doctor" in request.path or "files" in request.path
    ]
    assert len(tried) == len(PERMISSIONS)


@pytest.mark.parametrize("permission", PERMISSIONS, ids=lambda permission: permission.name)
async def test_a_permission_that_the_key_lacks_is_named(
    settings: Settings, stripe: FlakyStripe, permission: Permission
) -> None:
    await deny(stripe, permission.name)
    check = await permissions(settings)
    assert check.ok is permission.optional
    assert f"{permission.level} on {permission.resource}" in check.detail
    if not permission.optional:
        assert (check.fix or "").startswith(
            "export STRIPE_API_KEY=rk_…  # created at https://dashboard.stripe.com/test/"
        )


def test_the_page_that_creates_a_key_has_each_resource_once() -> None:
    page = creation_url([], livemode=True)
    assert page.startswith("https://dashboard.stripe.com/apikeys/create?name=checkout-daemon&")
    assert "rak_webhook_read" in page
    assert "rak_webhook_write" not in page
    assert "rak_webhook_read" not in creation_url(PERMISSIONS, livemode=True)


async def test_a_key_that_stripe_does_not_know_is_no_missing_permission(
    settings: Settings, stripe: FlakyStripe
) -> None:
    stripe.plan = lambda number, request: "deny_401"
    check = await permissions(settings)
    assert (check.ok, check.detail[:18]) == (False, "cannot be checked:")
