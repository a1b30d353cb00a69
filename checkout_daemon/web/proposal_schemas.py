"""The bodies of /api/proposals, with the keys of `checkout proposals show --json`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from checkout_daemon.proposals.records import Proposal
from checkout_daemon.web.order_schemas import Note, RefundedItemAnswer
from checkout_daemon.web.schemas import Amount, Currency, Request


class DecisionBody(Request):
    """Why a proposal is approved or rejected."""

    note: Note = ""


class ProposalAnswer(Struct):
    """What an operator may not do alone. Of a batch of refunds, the amount is the sum in its one currency."""

    number: int
    act: Annotated[str, Meta(description="refund, cancel or batch")]
    status: Annotated[str, Meta(description="open, expired, rejected, approved (being carried out), done or failed")]
    order_id: str | None
    order_number: int | None
    batch: int | None
    payment_id: str | None
    amount: Amount | None
    currency: Currency | None
    items: list[RefundedItemAnswer]
    reason: str | None
    restock: bool
    note: str
    is_changed: Annotated[bool, Meta(description="Whether the order has changed since: then nobody can approve it")]
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    outcome: Annotated[str | None, Meta(description="The refund that it led to, or why it failed")]


def proposal_answer(proposal: Proposal) -> ProposalAnswer:
    """Convert a proposal to its JSON."""
    return msgspec.convert(proposal, ProposalAnswer, from_attributes=True)
