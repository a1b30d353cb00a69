"""Compares the audit log with what operators' actions leave elsewhere: changing only one side is noticed.

In one transaction, an action of these kinds writes its entry and a line of the change log. A cancellation, an
acknowledgement and a shipment also write an act, and a refund writes its request.
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
    "order.corrected",
    "order.shipped",
    "order.erased",
    "refund.requested",
    "session.resent",
    "order.assigned",
    "order.unassigned",
    "order.snoozed",
    "order.unsnoozed",
)
_ACTS = {"canceled": "order.canceled", "acknowledged": "order.acknowledged", "shipped": "order.shipped"}


@dataclass(slots=True)
class LoggedActions:
    """The actions in the audit log: counts by order, kind and actor, and refunds by request."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refunds: dict[str, tuple[str, object, object, object]] = field(default_factory=dict)

    def add(self, entry: AuditEntry) -> None:
        """Count an entry."""
        if entry.kind in _WITH_A_CHANGE:
            self.counts[entry.order_id, entry.kind, f"{entry.operator}@{entry.host}"] += 1
        if entry.kind == "refund.requested":
            try:
                details = json.loads(entry.details)
                refund = (entry.order_id, details["payment"], details["amount"], details["currency"])
                self.refunds[str(details["request"])] = refund
            except (ValueError, KeyError, TypeError):
                return  # its hash shows that it was changed

    async def disagreements(self, connection: asyncpg.Connection) -> list[str]:
        """Return a fault for each trace without its entry, and for each entry without its trace."""
        faults = []
        lines = await store.traces_in_changes(connection, _WITH_A_CHANGE)
        elsewhere = Counter({(order_id, kind, actor): count for order_id, kind, actor, count in lines})
        for order_id, kind, actor in sorted(self.counts.keys() | elsewhere.keys()):
            logged, seen = self.counts[order_id, kind, actor], elsewhere[order_id, kind, actor]
            if logged != seen:
                faults.append(f"order {order_id} has {seen} x {kind} by {actor} in its changes, the log has {logged}")
        acts = {(order_id, _ACTS[kind], actor) for order_id, kind, actor in await store.traces_in_acts(connection)}
        logged_acts = {action for action in self.counts if action[1] in _ACTS.values()}
        for order_id, kind, actor in sorted(acts ^ logged_acts):
            where = "acts" if (order_id, kind, actor) in acts else "the log"
            faults.append(f"order {order_id} has {kind} by {actor} in {where} only")
        requests = {request[0]: request[1:] for request in await store.traces_in_requests(connection)}
        ids = sorted(self.refunds.keys() | requests.keys())
        differ = [request_id for request_id in ids if self.refunds.get(request_id) != requests.get(request_id)]
        return [*faults, *(f"refund request {request_id} is not as the log has it" for request_id in differ)]
