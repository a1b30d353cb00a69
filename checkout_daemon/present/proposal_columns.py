"""The columns of lists of proposals, and what one is about: in a few words, and in full."""

from __future__ import annotations

from checkout_daemon.model.sorting import SortBy
from checkout_daemon.present.columns import ListLook, RowColumn, View, by_name, muted
from checkout_daemon.present.money import money
from checkout_daemon.present.statuses import tone
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age
from checkout_daemon.proposals.records import Proposal, ProposalAct


def summary(proposal: Proposal) -> str:
    """Return what is proposed, such as `refund €80.00 of order 1001`."""
    what = "" if proposal.amount is None else f" {money(proposal.amount, proposal.currency)} of"
    act = ProposalAct.REFUND.value if proposal.act == ProposalAct.BATCH else proposal.act
    return f"{act}{what} {proposal.subject}"


def details(proposal: Proposal) -> list[tuple[str, str]]:
    """Return what else an approval decides, by name: the payment, the items with their amounts, reason and stock."""
    items = [
        f"{item.quantity} × {plain(item.sku)} ({money(item.amount, proposal.currency)})" for item in proposal.items
    ]
    found = [
        ("payment", plain(proposal.payment_id or "")),
        ("items", ", ".join(items)),
        ("reason", plain(words(proposal.reason or ""))),
        ("stock", "puts it back into stock" if proposal.restock else ""),
    ]
    return [(name, value) for name, value in found if value]


def _note(proposal: Proposal, view: View) -> str:
    return view.name(proposal.note) if proposal.note else ""


_ALL: tuple[RowColumn[Proposal], ...] = (
    RowColumn("proposal", "No.", "number", lambda one, _: str(one.number), 5, right=True, value=lambda one: one.number),
    RowColumn(
        "age",
        "Age",
        "proposed_at",
        lambda one, view: age(one.proposed_at, view.now),
        4,
        right=True,
        tone=muted,
        value=lambda one: one.proposed_at,
    ),
    RowColumn(
        "status",
        "Status",
        "status",
        lambda one, _: words(one.status),
        9,
        tone=lambda one: tone("proposal", one.status),
        value=lambda one: one.status,
    ),
    RowColumn("what", "What", "act", lambda one, _: summary(one), 30, 40, 1, value=summary),
    RowColumn(
        "by", "By", "proposed_by", lambda one, _: plain(one.proposed_by), 8, 24, 1, value=lambda one: one.proposed_by
    ),
    RowColumn(
        "decided",
        "Decided",
        "decided_by",
        lambda one, _: plain(one.decided_by or ""),
        8,
        24,
        1,
        tone=muted,
        value=lambda one: one.decided_by or "",
    ),
    RowColumn("note", "Note", "note", _note, 12, 200, 2, value=lambda one: one.note),
    RowColumn(
        "outcome",
        "Outcome",
        "outcome",
        lambda one, _: plain(one.outcome or ""),
        12,
        200,
        1,
        tone=muted,
        value=lambda one: one.outcome or "",
    ),
)

PROPOSAL_COLUMNS = by_name(_ALL)
_NARROW = ("proposal", "age", "status", "what", "by", "decided")

PROPOSALS = ListLook(
    PROPOSAL_COLUMNS,
    narrow=_NARROW,
    wide=(*_NARROW, "note", "outcome"),
    first=SortBy("proposal"),
    ascending=frozenset(("status", "what", "by", "decided", "note", "outcome")),
)
