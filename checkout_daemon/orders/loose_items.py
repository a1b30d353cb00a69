"""What needs a person and is about no order alone: what is dead, missing, proposed, or short in stock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.events.event_lists import ErrorGroup, list_error_groups, list_events_named
from checkout_daemon.ledger.missing_order_store import MissingOrder, list_missing
from checkout_daemon.model.todo import TodoItem
from checkout_daemon.orders.short_stock import read_short_stock
from checkout_daemon.outbox.outbox_store import MessageGroup, list_message_groups


async def read_loose_items(
    connection: asyncpg.Connection, now: datetime, most: int, *, livemode: bool
) -> tuple[list[TodoItem], Counter[str]]:
    """Return at most `most` items of a kind with their owners, snoozes and notes, and how many more there are."""
    events = [group for group in await list_error_groups(connection, livemode=livemode) if group.dead]
    numbers = await _numbers(connection, events[:most])
    messages = [group for group in await list_message_groups(connection, livemode=livemode) if group.dead]
    missing = await list_missing(connection, livemode=livemode)
    proposed = await connection.fetch(sql("todo_proposals"), livemode, now, most)
    items = [_dead_events(group, numbers.get(group.example_id)) for group in events[:most]]
    items += [_dead_messages(group) for group in messages[:most]]
    items += [_missing(order, now) for order in missing[:most]]
    items += await read_short_stock(connection)
    items += [_proposed(row) for row in proposed]
    left_out = Counter(
        {
            "event_dead": len(events[most:]),
            "message_dead": len(messages[most:]),
            "order_missing": len(missing[most:]),
            "proposal_open": proposed[0]["total"] - len(proposed) if proposed else 0,
        }
    )
    return await _with_item_care(connection, items, now), left_out


async def _with_item_care(connection: asyncpg.Connection, items: list[TodoItem], now: datetime) -> list[TodoItem]:
    """Return items that are about no order with their owners, snoozes and notes."""
    rows = await connection.fetch(sql("read_item_care"), [item.key for item in items])
    cares = {row["item"]: row for row in rows}
    return [item if item.key not in cares else _kept(item, cares[item.key], now) for item in items]


def _kept(item: TodoItem, care: asyncpg.Record, now: datetime) -> TodoItem:
    until, noted = care["snoozed_until"], care["note_at"]
    return replace(
        item,
        owner=care["owner"],
        snoozed_until=until.astimezone(UTC) if until is not None and until > now else None,
        note=care["note"],
        note_by=care["note_by"],
        note_at=None if noted is None else noted.astimezone(UTC),
    )


async def _numbers(connection: asyncpg.Connection, groups: Sequence[ErrorGroup]) -> dict[str, int | None]:
    """Return the orders that single dead events name, by the events' ids."""
    single = [group.example_id for group in groups if group.events == 1]
    return {event.id: event.number for event in await list_events_named(connection, single)} if single else {}


def _dead_events(group: ErrorGroup, number: int | None) -> TodoItem:
    one = group.events == 1
    which = group.example_id if one else f"--fingerprint {group.fingerprint}"
    what = f"The event {group.example_id}" if one else f"{group.events:,} events"
    return TodoItem(
        kind="event_dead",
        subject=group.example_id if one else group.fingerprint,
        description=f"{what} ({', '.join(group.types)}) could not be applied: {group.error}",
        next="Nothing: it is tried no more. Replay after a fix, or dismiss what nothing will fix.",
        since=group.first_at.astimezone(UTC),
        command=f"checkout events replay {which}",
        number=number,
        count=group.dead,
    )


def _dead_messages(group: MessageGroup) -> TodoItem:
    one = group.messages == 1
    what = f"The {group.channel} {group.kinds[0]}" if one else f"{group.messages:,} messages by {group.channel}"
    return TodoItem(
        kind="message_dead",
        subject=group.example_id if one else group.fingerprint,
        description=f"{what} could not be sent: {group.error or 'the reason was not stored'}",
        next="Nothing: it is tried no more. Send it again, or dismiss what nobody needs.",
        since=group.first_at.astimezone(UTC),
        command=f"checkout outbox replay {group.example_id}"
        if one
        else f"checkout outbox replay --fingerprint {group.fingerprint}",
        number=group.number,
        count=group.dead,
    )


def _missing(order: MissingOrder, now: datetime) -> TodoItem:
    return TodoItem(
        kind="order_missing",
        subject=order.session_id,
        description=f"The order of session {order.session_id} was paid at Stripe and is not in this database",
        next="Nothing: its customer waits.",
        since=now,
        command=f"checkout orders recover {order.session_id}",
        amount=order.amount_total,
        currency=order.currency,
        number=order.number,
    )


def _proposed(row: asyncpg.Record) -> TodoItem:
    """Return a proposal as an item: whoever may approve it, and did not make it, decides. A stale one is rejected."""
    of_batch = f"the refunds of batch {row['batch']}"
    what = {"refund": "to refund an order", "cancel": "to cancel an order", "batch": of_batch}
    return TodoItem(
        kind="proposal_open",
        subject=str(row["number"]),
        description=f"{row['proposed_by']} proposes {what[row['act']]} (proposal {row['number']})",
        next="What it is about has changed since, so nobody can approve it: look, reject it, and propose it again."
        if row["is_changed"]
        else f"It expires. Another operator than {row['proposed_by']} approves it, or rejects it.",
        since=row["proposed_at"].astimezone(UTC),
        command=f"checkout proposals {'reject' if row['is_changed'] else 'approve'} {row['number']}",
        due_by=row["expires_at"].astimezone(UTC),
        amount=row["amount"],
        currency=row["currency"],
        number=row["order_number"],
        customer=row["customer_name"] or None,
        note=row["note"] or None,
        note_by=row["proposed_by"] if row["note"] else None,
        note_at=row["proposed_at"].astimezone(UTC) if row["note"] else None,
    )
