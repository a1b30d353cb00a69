"""Ids of orders: as hard to guess as random ones, and neighbours if they are made within minutes."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import asyncpg
import pytest

from checkout_daemon.orders.order_ids import new_order_id

NOW = datetime(2026, 11, 28, 12, 0, 3, tzinfo=UTC)


def test_ids_of_the_same_minutes_are_neighbours_and_later_ones_follow() -> None:
    ids = [new_order_id(NOW + timedelta(minutes=9) * (number % 2)) for number in range(100)]
    assert len({order_id[:4] for order_id in ids}) == 1
    assert new_order_id(NOW + timedelta(hours=1))[:4] > ids[0][:4]


def test_all_other_bits_are_random() -> None:
    ids = [UUID(new_order_id(NOW)) for _ in range(400)]
    assert {(order_id.version, order_id.variant) for order_id in ids} == {(4, RFC_4122)}
    changing = 0
    for order_id in ids:
        changing |= order_id.int ^ ids[0].int
    assert changing.bit_count() == 106


def test_what_is_random_comes_from_the_systems_secure_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda length: bytes(range(0x80, 0x80 + length)))
    assert new_order_id(NOW)[4:] == "8283-8485-4687-8889-8a8b8c8d8e8f"  # 4: the version of a random UUID


def test_the_beginning_repeats_after_years_without_trouble() -> None:
    after = NOW + timedelta(seconds=600 * (1 << 16))
    assert new_order_id(after)[:4] == new_order_id(NOW)[:4]


async def test_messages_have_ids_of_the_same_form(connection: asyncpg.Connection) -> None:
    now = await connection.fetchval("SELECT now()")
    found: UUID = await connection.fetchval("INSERT INTO outbox (kind, channel) VALUES ('k', 'mail') RETURNING id")
    assert (found.version, found.variant) == (4, RFC_4122)
    assert str(found)[:4] in {new_order_id(now)[:4], new_order_id(now + timedelta(minutes=1))[:4]}
