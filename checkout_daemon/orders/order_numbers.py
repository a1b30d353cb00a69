"""Finds what a shell completes: numbers, reasons, events. It imports little, because a person waits after Tab."""

from __future__ import annotations

import asyncpg

from checkout_daemon.database.hosts import connect
from checkout_daemon.database.queries import sql
from checkout_daemon.urls import schema_of

_DIGITS = 19
_SECONDS = 3.0  # nobody waits longer for a suggestion
_MOST_NUMBER = 2**63 - 1


async def newest_numbers(url: str, digits: str, limit: int) -> list[tuple[int, str]]:
    """Return numbers that start with these digits, each with its status, newest first. Opens its own connection."""
    ranges = number_ranges(digits)
    rows = await _ask(url, "newest_numbers", [low for low, _ in ranges], [high for _, high in ranges], limit)
    return [(row["number"], row["status"]) for row in rows]


async def attention_of(url: str, number: int, typed: str) -> list[tuple[str, str]]:
    """Return what the order of this number needs attention for, as far as it starts with `typed`."""
    rows = await _ask(url, "attention_of", number)
    return [(code, "") for row in rows for code in row["attention"] if code.startswith(typed)]


async def newest_events(url: str, typed: str, limit: int) -> list[tuple[str, str]]:
    """Return the newest events whose ids start with `typed`, each with its type and status."""
    rows = await _ask(url, "newest_events", typed, limit)
    return [(row["id"], f"{row['type']}, {row['status']}") for row in rows]


async def error_fingerprints(url: str, typed: str, limit: int) -> list[tuple[str, str]]:
    """Return the fingerprints of failed and dead events that start with `typed`, each with its error, latest first."""
    rows = await _ask(url, "error_fingerprints", typed, limit)
    return [(row["fingerprint"], row["error"]) for row in rows]


async def _ask(url: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    # Without a statement cache, so that a pooler's connection serves as well.
    connection = await connect(url, timeout=_SECONDS, command_timeout=_SECONDS, statement_cache_size=0)
    try:
        async with connection.transaction(readonly=True):
            if (schema := schema_of(url)) is not None:  # a pooler keeps nothing for the session
                await connection.execute(f'SET LOCAL search_path = "{schema}"')
            rows: list[asyncpg.Record] = await connection.fetch(sql(statement), *arguments)
    finally:
        connection.terminate()  # does not wait for the server's answer
    return rows


def number_ranges(digits: str) -> list[tuple[int, int]]:
    """Return the ranges of numbers that start with these digits: 10, 100 to 109, 1000 to 1099 and so on."""
    if not digits:
        return [(1, _MOST_NUMBER)]
    if digits.startswith("0"):
        return []
    first = int(digits)
    spans = (10**more for more in range(_DIGITS - len(digits) + 1))
    return [
        (first * span, min(first * span + span - 1, _MOST_NUMBER)) for span in spans if first * span <= _MOST_NUMBER
    ]
