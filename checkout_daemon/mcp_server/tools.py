"""What the tools do: each calls one use case. Reading changes nothing, and what changes something is only proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from checkout_daemon.audit.operators import Operator, this_operator
from checkout_daemon.bank.payouts import PayoutFilter, PayoutLine, lines_of, list_payouts, read_payout
from checkout_daemon.bank.report_rows import By
from checkout_daemon.bank.reports import read_report
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.events.event_lists import EventFilter, all_events
from checkout_daemon.mcp_server.hiding import hide
from checkout_daemon.model.orders import REFUND_REASONS
from checkout_daemon.model.time_ranges import EXAMPLES, read_past
from checkout_daemon.orders import explaining
from checkout_daemon.orders.lookup import find_order, read_filter
from checkout_daemon.orders.order_pages import all_orders, show_order
from checkout_daemon.orders.refund_items import read_wanted_of
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.orders.todo import read_todo
from checkout_daemon.proposals import proposing
from checkout_daemon.proposals.listing import page_of_proposals
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from checkout_daemon.tokens.acting import check_token

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Tools:
    """The tools of one shop. `is_registered`: whether the process is recognized as an operator of the shop."""

    runtime: Runtime
    is_registered: bool

    @property
    def _database(self) -> Database:
        return self.runtime.database

    @property
    def _settings(self) -> Settings:
        return self.runtime.settings

    @property
    def operator(self) -> Operator:
        """Return in whose name the tools propose: never in a person's who could then approve it."""
        user = this_operator()
        return user if self.is_registered else replace(user, user=f"{user.user} (mcp)")

    async def check_token(self) -> None:
        """Raise ConfigurationError if the token of this process is no longer in use, or its operator is disabled."""
        await check_token(self._database, self._settings.operator_token)

    async def find_orders(self, query: str = "", limit: int = 20) -> dict[str, Any]:
        """Return the newest orders that match a text of the filter language."""
        wanted = await read_filter(self._database, query, time_zone=self._settings.time_zone, now=datetime.now(UTC))
        pages = all_orders(self._database, wanted, limit=_limit(limit))
        return self._shown({"orders": [order async for page in pages for order in page]})

    async def show_order(self, order: str) -> dict[str, Any]:
        """Return everything about an order."""
        view = await show_order(self._database, order)
        return self._shown(view if self._settings.mcp_personal_data else replace(view, items=view.public_items))

    async def explain_order(self, order: str) -> dict[str, Any]:
        """Return why an order has its status, and what fixes what is wrong."""
        return self._shown(await explaining.explain_order(self._database, order, self._settings.time_zone))

    async def todo(self) -> dict[str, Any]:
        """Return what needs a person."""
        found = await read_todo(self._database, self._settings)
        left_out = max(0, len(found.items) - MOST_ROWS) + found.cut
        return self._shown({"items": found.items[:MOST_ROWS], "left_out": left_out})

    async def list_events(self, order: str = "", statuses: Sequence[str] = (), limit: int = 20) -> dict[str, Any]:
        """Return the newest events, without their payloads."""
        order_id = (await find_order(self._database, order)).id if order else None
        pages = all_events(self._database, EventFilter(tuple(statuses), order_id=order_id), limit=_limit(limit))
        return self._shown({"events": [event async for page in pages for event in page]})

    async def report(self, by: str = "day", since: str = "30d", until: str = "") -> dict[str, Any]:
        """Return what came in and went out, by day or by what the orders have in common. Raise InvalidRequest."""
        if by not in frozenset(By):
            raise _refused("/by", f"by is one of {', '.join(By)}")
        zone, now = self._settings.time_zone, datetime.now(UTC)
        start, end = _time("/since", since, zone, now), _time("/until", until, zone, now) if until else now
        if start >= end:
            raise _refused("/since", f"{since} is not before {until or 'now'}: nothing is between them")
        found = await read_report(self._database, By(by), start, end, zone, livemode=self._settings.livemode)
        rows = {"rows": found.rows[:MOST_ROWS], "left_out": max(0, len(found.rows) - MOST_ROWS)}
        known = {"by": by, "since": start, "until": end, "balance_until": found.balance_until, "totals": found.totals}
        return self._shown(known | rows)

    async def list_payouts(self, order: str = "", statuses: Sequence[str] = (), limit: int = 20) -> dict[str, Any]:
        """Return the newest payouts, or those with money of an order."""
        order_id = (await find_order(self._database, order)).id if order else None
        wanted = PayoutFilter(tuple(statuses), order_id=order_id)
        livemode = self._settings.livemode
        found = await list_payouts(self._database, wanted, livemode=livemode, limit=_limit(limit))
        return self._shown({"payouts": [_payout(one) for one in found]})

    async def show_payout(self, payout: str) -> dict[str, Any]:
        """Return a payout with its lines: what each payment, refund and dispute did to it. Raise NotFound."""
        found = await read_payout(self._database, payout)
        lines = [line async for page in lines_of(self._database, payout) for line in page]
        return self._shown(_payout(found) | {"listed": lines[:MOST_ROWS], "left_out": max(0, len(lines) - MOST_ROWS)})

    async def list_proposals(self, statuses: Sequence[str] = (), limit: int = 20) -> dict[str, Any]:
        """Return the newest proposals."""
        found = await page_of_proposals(self._database, tuple(statuses), limit=_limit(limit))
        return self._shown({"proposals": found})

    async def propose_refund(
        self,
        order: str,
        amount: int | None = None,
        items: Sequence[str] = (),
        payment: str | None = None,
        reason: str | None = None,
        note: str = "",
    ) -> dict[str, Any]:
        """Propose a refund. Raise as `propose_refund` does."""
        if reason is not None and reason not in REFUND_REASONS:
            detail = f"the reason is one of {', '.join(REFUND_REASONS)}"
            raise InvalidRequest([FieldError("/reason", "invalid_reason", detail)])
        found = await find_order(self._database, order)
        wanted = await read_wanted_of(self._database, found.id, items)
        options = RefundOptions(amount, payment, reason, wanted)
        proposed = await proposing.propose_refund(self.runtime, found.id, options, operator=self.operator, note=note)
        return self._shown(proposed)

    async def propose_cancel(self, order: str, note: str = "") -> dict[str, Any]:
        """Propose to cancel an order. Raise as `propose_cancel` does."""
        found = await find_order(self._database, order)
        return self._shown(await proposing.propose_cancel(self.runtime, found.id, operator=self.operator, note=note))

    def _shown(self, record: Any) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(record)
        if self._settings.mcp_personal_data:
            return plain
        hidden: dict[str, Any] = hide(plain)
        return hidden


def _payout(payout: PayoutLine) -> dict[str, Any]:
    """Return a payout with what it differs from the sum of its lines by, or None while they are not known."""
    return {name: getattr(payout, name) for name in PayoutLine.__dataclass_fields__} | {"difference": payout.difference}


def _time(pointer: str, text: str, zone: str, now: datetime) -> datetime:
    found = read_past(text, zone, now)
    if found is None:
        raise _refused(pointer, f"it takes {EXAMPLES}, not {text!r}")
    return found


def _refused(pointer: str, detail: str) -> InvalidRequest:
    return InvalidRequest([FieldError(pointer, "invalid_value", detail)])


def _limit(limit: int) -> int:
    return min(max(1, limit), MOST_ROWS)
