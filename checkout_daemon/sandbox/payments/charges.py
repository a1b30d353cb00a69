"""Build charges, one for each attempt to take the money."""

from __future__ import annotations

from checkout_daemon.sandbox.clock import stamp
from checkout_daemon.sandbox.ids import new_id, token
from checkout_daemon.sandbox.objects.shapes import new_body, new_part
from checkout_daemon.sandbox.payments.stripe_test_methods import CARDS, Decline, TestCard
from checkout_daemon.sandbox.storage import Body, Stored

_FROM_INTENT = (
    "amount currency customer description receipt_email shipping statement_descriptor statement_descriptor_suffix "
    "transfer_group"
)
AUTHORIZED_SECONDS = 7 * 24 * 3600
"""How long a bank holds the money for a capture."""


def is_manual(intent: Body, kind: str) -> bool:
    """Return whether a payment of this type is only authorized. Debits are never held."""
    options = intent["payment_method_options"].get(kind) or {}
    return kind == "card" and "manual" in (options.get("capture_method"), intent["capture_method"])


def build_charge(
    intent: Stored, method: Stored, status: str, decline: Decline | None, *, authenticated: bool
) -> Stored:
    """Return the charge of an attempt, with the intent's current metadata."""
    body = intent.body
    manual = is_manual(body, method.body["type"])
    succeeded = status == "succeeded"
    charge = new_body(
        "charge",
        "ch_" if method.body["type"] == "card" else "py_",
        **{name: body[name] for name in _FROM_INTENT.split()},
        amount_captured=body["amount"] if succeeded and not manual else 0,
        billing_details=method.body["billing_details"],
        calculated_statement_descriptor="OFFLINE SANDBOX" if method.body["type"] == "card" else None,
        captured=succeeded and not manual,
        failure_code=(decline.failure_code or decline.code) if decline else None,
        failure_message=decline.message if decline else None,
        metadata=dict(body["metadata"]),
        outcome=outcome(status, decline, CARDS.get(method.private.get("card", ""))),
        paid=succeeded,
        payment_intent=body["id"],
        payment_method=method.id,
        payment_method_details=_details(method.body, body["amount"], manual=manual, authenticated=authenticated),
        status=status,
    )
    charge["id"] = _charge_id(charge["id"])
    return Stored(charge, intent=body["id"], customer=body["customer"])


def outcome(status: str, decline: Decline | None, card: TestCard | None = None) -> Body:
    """Return a charge's `outcome`: the verdict of the network and of Stripe."""
    fields = new_part("charge.outcome")
    if card is not None:
        fields |= {"risk_level": card.risk, "risk_score": card.risk_score}
    if decline is not None:
        fraud = decline.decline_code == "fraudulent"
        code = decline.decline_code
        plain = "The bank did not return any further details with this decline."
        message = plain if code in (None, "generic_decline") else f"The bank returned the decline code `{code}`."
        fields |= {
            "advice_code": decline.advice,
            "network_decline_code": None if fraud else "01",
            "network_status": "not_sent_to_network" if fraud else "declined_by_network",
            "reason": "highest_risk_level" if fraud else decline.decline_code or decline.failure_code or decline.code,
            "seller_message": "Stripe blocked this payment as too risky." if fraud else message,
            "type": "blocked" if fraud else "issuer_declined",
        }
    elif status == "pending":
        fields |= {"risk_level": "not_assessed", "seller_message": "Payment in progress."}
    return fields


_COPIED = {
    "card": "brand checks country exp_month exp_year fingerprint funding last4 regulated_status wallet",
    "customer_balance": "",
    "sepa_debit": "bank_code branch_code country fingerprint last4",
    "us_bank_account": "account_holder_type account_type bank_name fingerprint last4 routing_number",
}
"""The fields of a payment method that its charges repeat, by type."""


def _details(method: Body, amount: int, *, manual: bool, authenticated: bool) -> Body:
    kind = method["type"]
    fields = {name: method[kind][name] for name in _COPIED[kind].split()}
    if kind in ("sepa_debit", "us_bank_account"):
        fields["mandate"] = new_id("mandate_")
    if kind == "us_bank_account":
        fields["payment_reference"] = None
    if kind == "card":
        fields = new_part("charge.payment_method_details.card", **fields)
        fields |= {
            "amount_authorized": amount,
            "authorization_code": token(6),
            "network": fields["brand"],
            "network_transaction_id": token(15),
        }
        fields["overcapture"]["maximum_amount_capturable"] = amount
        if manual:
            fields["capture_before"] = stamp() + AUTHORIZED_SECONDS
        if authenticated:
            fields["three_d_secure"] = new_part("charge.three_d_secure", transaction_id=token(24))
            fields["electronic_commerce_indicator"] = fields["three_d_secure"]["electronic_commerce_indicator"]
    return {"type": kind, kind: fields}


def _charge_id(object_id: str) -> str:
    prefix, rest = object_id.split("_", 1)
    return f"{prefix}_3{rest[1:]}"
