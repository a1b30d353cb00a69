"""Compares the operator log with what operators' actions leave elsewhere: who changes one side is found by the other.

An action of these kinds writes, in one transaction, its entry and a line of the order's changes; a cancellation and an
acknowledgement also an act, a refund its request.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

import asyncpg

from checkout_daemon.audit import audit_store as store
from checkout_daemon.audit.chain import AuditEntry

_WITH_A_CHANGE = (
    "order.noted",
    "order.acknowledged",
    "order.canceled",
    "order.erased",
    "refund.requested",
    "session.resent",
)
_ACTS = {"canceled": "order.canceled", "acknowledged": "order.acknowledged"}


@dataclass(slots=True)
class LoggedActions:
    """What the operator log says was done, counted."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refunds: dict[str, tuple[str, object, object, object]] = field(default_factory=dict)

    def add(self, entry: AuditEntry) -> None:
        if entry.kind in _WITH_A_CHANGE:
            self.counts[entry.order_id, entry.kind, f"{entry.operator}@{entry.host}"] += 1
        if entry.kind == "refund.requested":
            try:
                details = json.loads(entry.details)
                said = (entry.order_id, details["payment"], details["amount"], details["currency"])
                self.refunds[str(details["request"])] = said
            except (ValueError, KeyError, TypeError):
                return  # its hash tells that it was changed

    async def disagreements(self, connection: asyncpg.Connection) -> list[str]:
        """Name each trace without its entry, and each entry without its trace."""
        faults = []
        lines = await store.traces_in_changes(connection, _WITH_A_CHANGE)
        elsewhere = Counter({(order_id, kind, actor): count for order_id, kind, actor, count in lines})
        for order_id, kind, actor in sorted(self.counts.keys() | elsewhere.keys()):
            logged, seen = self.counts[order_id, kind, actor], elsewhere[order_id, kind, actor]
            if logged != seen:
                faults.append(f"order {order_id} has {seen} x {kind} by {actor} in its changes, the log has {logged}")
        acts = {(order_id, _ACTS[kind], actor) for order_id, kind, actor in await store.traces_in_acts(connection)}
        logged_acts = {each for each in self.counts if each[1] in _ACTS.values()}
        for order_id, kind, actor in sorted(acts ^ logged_acts):
            where = "acts" if (order_id, kind, actor) in acts else "the log"
            faults.append(f"order {order_id} has {kind} by {actor} in {where} only")
        requests = {request[0]: request[1:] for request in await store.traces_in_requests(connection)}
        differ = [
            each for each in self.refunds.keys() | requests.keys() if self.refunds.get(each) != requests.get(each)
        ]
        return [*faults, *(f"refund request {each} is not as the log has it" for each in sorted(differ))]
