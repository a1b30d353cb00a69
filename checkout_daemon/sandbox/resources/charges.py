"""Charges. Payments create them; here they are read and annotated."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box, Expandable
from checkout_daemon.sandbox.objects.operations import listing, listing_parts, retrieving
from checkout_daemon.sandbox.objects.paging import first_page
from checkout_daemon.sandbox.objects.shapes import shipping
from checkout_daemon.sandbox.parameters.specs import PAGING, Params
from checkout_daemon.sandbox.parameters.stripe_fields import Rules
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.webhooks.changes import updating

_PATH = "/v1/charges"


def _revise(_: Box, charge: Stored, params: Params) -> None:
    body = charge.body
    body |= {name: params[name] for name in ("description", "receipt_email", "transfer_group") if name in params}
    if "shipping" in params:
        body["shipping"] = shipping(params["shipping"], body["shipping"])
    if params.get("fraud_details"):
        body["fraud_details"] = params["fraud_details"]


def _refunds(storage: Storage, charge: Body) -> Body:
    return first_page(storage.children(charge["id"], "refund")[::-1], f"{_PATH}/{charge['id']}/refunds")


_UPDATE = Rules(
    refuse={"The offline sandbox stores a charge with the customer of its PaymentIntent.": "customer"},
)
OPERATIONS = (
    retrieving(_PATH, "charge"),
    updating(_PATH, "charge", _revise, _UPDATE),
    listing_parts(f"{_PATH}/{{id}}/refunds", "charge", "refund", Rules(own=PAGING)),  # older than Stripe's table
    listing(_PATH, "charge", columns={"customer": "customer", "payment_intent": "intent"}),
)
EXPANDABLE: Expandable = {("charge", "refunds"): _refunds}
