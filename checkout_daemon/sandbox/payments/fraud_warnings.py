"""Early fraud warnings: the card's issuer reports that a payment may be fraudulent, before anybody disputes it."""

from __future__ import annotations

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.errors import invalid
from checkout_daemon.sandbox.objects.shapes import new_body
from checkout_daemon.sandbox.storage import Body, Stored
from checkout_daemon.sandbox.webhooks.events import emit

KIND = "radar.early_fraud_warning"
FRAUD_TYPES = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)


def plan_warning(box: Box, charge: Stored, fraud_type: str) -> None:
    """Plan a warning about the charge a moment later, if the test card asks for one."""
    if fraud_type:
        box.storage.add_timer("fraud_warning", now(), {"charge": charge.id, "fraud_type": fraud_type})


def open_planned_warning(box: Box, charge: Stored, fraud_type: str) -> None:
    """Open the warning that a test card plans."""
    open_warning(box, charge, fraud_type)


def open_warning(box: Box, charge: Stored, fraud_type: str) -> Stored:
    """Report a charge of a card as fraudulent. Raise ApiError if it was not paid with a card."""
    paid = charge.body
    if paid["status"] != "succeeded" or "card" not in paid["payment_method_details"]:
        raise invalid(f"Charge {charge.id} is not a card's charge that succeeded.", param="charge")
    body = new_body(
        KIND,
        "issfr_1",
        actionable=_actionable(paid),
        charge=charge.id,
        fraud_type=fraud_type,
        payment_intent=paid["payment_intent"],
    )
    warning = box.storage.add(Stored(body, parent=charge.id, intent=paid["payment_intent"]))
    emit(box, f"{KIND}.created", body)
    return warning


def follow_charge(box: Box, _: str, changed: Body) -> None:
    """End what can be done about warnings once their charge is fully refunded or disputed.

    https://docs.stripe.com/api/radar/early_fraud_warnings/object: such a warning is not actionable any more.
    """
    charge_id = changed["id"] if changed["object"] == "charge" else changed["charge"]
    if (charge := box.storage.find(charge_id, "charge")) is None or _actionable(charge.body):
        return
    for warning in box.storage.children(charge_id, KIND):
        if warning.body["actionable"]:
            warning.body["actionable"] = False
            box.storage.save(warning)
            emit(box, f"{KIND}.updated", warning.body, {"actionable": True})


def _actionable(charge: Body) -> bool:
    return not charge["refunded"] and not charge["disputed"]
