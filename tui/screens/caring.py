"""Taking care of an order: who looks after it, and until when it waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from textual import work

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.model.future import read_future
from checkout_daemon.orders.caring import assign, snooze, unsnooze
from checkout_daemon.orders.item_caring import assign_item, snooze_item, unsnooze_item
from checkout_daemon.present.times import clock

from ..actions import Action, command_line
from ..typeahead import ACTING
from .acting import ActingScreen
from .dialogs import Ask

CARE_ACTIONS = (
    Action("A", "assign", "Say who takes care of the order", "orders assign ORDER NAME", writes=True),
    Action("z", "snooze", "Snooze the order until a time", "orders snooze ORDER WHEN --note TEXT", writes=True),
)


@dataclass(frozen=True, slots=True)
class Cared:
    """An order, or what needs a person and is about none. `name` is the order's number, or the item's name."""

    order_id: str | None
    name: str

    @property
    def label(self) -> str:
        return self.name if self.order_id is None else f"order {self.name}"


class CareActions(ActingScreen):
    """A screen with a current order, or item of the list of what needs a person."""

    @property
    def order_under_cursor(self) -> tuple[str, int] | None:
        """The id and number of the order to act on."""
        raise NotImplementedError

    @property
    def cared_under_cursor(self) -> Cared | None:
        """What to take care of."""
        order = self.order_under_cursor
        return None if order is None else Cared(order[0], str(order[1]))

    @work(group=ACTING)
    async def action_assign(self) -> None:
        cared, context = self.cared_under_cursor, self.app_context
        if cared is None:
            return
        question = f"Who takes care of {cared.label}? Leave empty for yourself; - for nobody."
        typed = await self.app.push_screen_wait(Ask("Assign", question))
        if typed is None:
            return
        operator = this_operator()
        owner = None if typed == "-" else operator.name if typed in ("", "me") else typed
        verb = ("unassign", cared.name) if owner is None else ("assign", cared.name, owner)
        async with self.doing(command_line("orders", *verb)):
            if cared.order_id is not None:
                await assign(context.database, cared.order_id, owner, operator=operator)
            else:
                await assign_item(context.database, context.settings, cared.name, owner, operator=operator)
            self.done(f"{owner or 'Nobody'} takes care of {cared.label}")

    @work(group=ACTING)
    async def action_snooze(self) -> None:
        cared, context = self.cared_under_cursor, self.app_context
        if cared is None:
            return
        operator = this_operator()
        question = f"Snooze {cared.label} for how long? Such as 36h, 2d, monday or a date; - ends a snooze."
        typed = await self.app.push_screen_wait(Ask("Snooze", question))
        if not typed:
            return
        if typed == "-":
            async with self.doing(command_line("orders", "unsnooze", cared.name)):
                if cared.order_id is not None:
                    await unsnooze(context.database, cared.order_id, operator=operator)
                else:
                    await unsnooze_item(context.database, context.settings, cared.name, operator=operator)
                self.done(f"{_sentence(cared.label)} is snoozed no more")
            return
        until = read_future(typed, context.time_zone, datetime.now(UTC))
        if until is None:
            self.failed(f"{typed!r} is not a span such as 36h or 2d, nor a day or date")
            return
        note = await self.app.push_screen_wait(Ask("Snooze", "Why?"))
        if note is None:
            return
        where = (context.database, context.settings)
        async with self.doing(command_line("orders", "snooze", cared.name, typed, "--note", note)):
            if cared.order_id is not None:
                await snooze(*where, cared.order_id, until, operator=operator, note=note)
            else:
                await snooze_item(*where, cared.name, until, operator=operator, note=note)
            self.done(f"{_sentence(cared.label)} is snoozed until {clock(until, context.time_zone)}")


def _sentence(label: str) -> str:
    return label[:1].upper() + label[1:]
