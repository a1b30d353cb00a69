"""Recovery URLs: for a month after a session expires, its shopper can open a copy of it."""

from __future__ import annotations

import copy

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.checkout import building
from checkout_daemon.sandbox.checkout.session_rules import LONGEST_SECONDS
from checkout_daemon.sandbox.checkout.totals import set_totals
from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.errors import ApiError, invalid
from checkout_daemon.sandbox.ids import new_id, token
from checkout_daemon.sandbox.storage import Stored

RECOVERY_SECONDS = 30 * 24 * 3600


def offer(session: Stored) -> None:
    """Give an expiring session its recovery URL, if it was created with recovery enabled."""
    recovery = (session.body["after_expiration"] or {}).get("recovery")
    if recovery and recovery["enabled"]:
        session.private["recovery"] = key = token(32)
        # After a restart no request may have come yet, so the sandbox's address is taken from the session's URL.
        base = session.body["url"].partition("/c/pay/")[0]
        session.kind = f"recovery:{key}"
        recovery |= {"expires_at": stamp() + RECOVERY_SECONDS, "url": f"{base}/c/recover/{key}"}


def recover(box: Box, key: str) -> Stored:
    """Return an open copy of an expired session, created now or by an earlier visit. Raises ApiError."""
    found = box.storage.select("checkout.session", conditions=[("kind = ?", f"recovery:{key}")], limit=1)
    if not found:
        raise ApiError("This Checkout session does not exist.", status=404)
    expired = found[0]
    if expired.body["after_expiration"]["recovery"]["expires_at"] <= stamp():
        raise ApiError("This link has expired. Return to the shop to start again.", status=410)
    for earlier in box.storage.children(expired.id, "checkout.session"):
        if earlier.body["status"] == "complete":
            raise invalid("This Checkout session is already paid or completed.")
        if earlier.body["status"] == "open":
            return earlier
    return _copy(box, expired)


def _copy(box: Box, expired: Stored) -> Stored:
    body, private = copy.deepcopy(expired.body), copy.deepcopy(expired.private)
    for name in ("recovery", "made_customer"):
        private.pop(name, None)
    recovery = body["after_expiration"]["recovery"]
    moment = stamp()
    body |= {
        "allow_promotion_codes": recovery["allow_promotion_codes"] or None,
        "created": moment,
        "expires_at": moment + LONGEST_SECONDS,
        "payment_intent": None,
        "recovered_from": expired.id,
        "status": "open",
    }
    recovery |= {"expires_at": None, "url": None}
    # A discount excludes promotion codes. If recovery allows codes, they replace it.
    if recovery["allow_promotion_codes"]:
        private["discount"], body["discounts"] = None, []
    lines = [Stored({**line.body, "id": new_id("li_1")}) for line in box.storage.children(expired.id, "item")]
    discount = private.get("discount")
    set_totals(body, discount and discount["coupon"], lines)
    return building.open_session(box, Stored(body, private, parent=expired.id, customer=expired.customer), lines)
