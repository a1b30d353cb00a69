"""What can be done about a dispute that waits for an answer, before its deadline and after it."""

from __future__ import annotations

from dataclasses import dataclass

from checkout_daemon.orders.refund_rules import prevents_refund

_APPEALED = "appeal_needs_response"
_OVER = "The time to answer is over."
_LOST = "Without an answer by then, the customer's bank decides against us, and the money is lost."
# An inquiry takes no money yet. https://docs.stripe.com/disputes/how-disputes-work
_ESCALATES = "the customer's bank may open a dispute, which takes the money and costs a fee."


@dataclass(frozen=True, slots=True)
class DisputeAdvice:
    """`action` is what a person can do, `otherwise` what happens without it.

    `command` begins it; it is None if only Stripe's Dashboard takes an answer, or if nothing helps any more.
    """

    action: str
    otherwise: str
    command: str | None


def dispute_advice(dispute_id: str, status: str, number: int | None, *, over: bool) -> DisputeAdvice:
    """Return what can be done about a dispute that waits for an answer; `over`: its deadline has passed.

    `number` is its order's, if one is known. https://docs.stripe.com/disputes/responding
    """
    evidence = None if over or number is None else f"checkout disputes evidence {dispute_id}"
    if is_inquiry(status):
        if over:
            refund = None if number is None else f"checkout orders refund {number}"
            return DisputeAdvice(f"{_OVER} A refund still ends the inquiry.", f"Without one, {_ESCALATES}", refund)
        action = "Submit evidence, or refund the order, which ends the inquiry."
        return DisputeAdvice(action, f"Without an answer by then, {_ESCALATES}", evidence)
    if over:
        return DisputeAdvice(_OVER, "Stripe reports how the bank decides.", None)
    if status == _APPEALED:
        return DisputeAdvice("Send evidence of the appeal in Stripe's Dashboard.", _LOST, None)
    action = "Submit evidence, or accept the dispute, which gives the money back. A refund would be refused."
    return DisputeAdvice(action, _LOST, evidence)


def is_inquiry(status: str) -> bool:
    """Return whether the bank only asks: no money is taken, and a refund ends it."""
    return status.startswith("warning_") and not prevents_refund(status)
