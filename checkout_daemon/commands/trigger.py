"""`checkout trigger`: the CLI's own words as they come, then a line for each event that came of it."""

from __future__ import annotations

import asyncio
import sys

import click

from checkout_daemon.commands.event_ends import end_line, end_object
from checkout_daemon.commands.output import answer, print_json, print_json_lines, say
from checkout_daemon.commands.running import database_address
from checkout_daemon.domain.event_types import EVENT_TYPES
from checkout_daemon.runtime import open_runtime
from checkout_daemon.services.stripe_cli import StripeCli, open_stripe_cli
from checkout_daemon.services.triggering import Request, refuse_live_key, trigger
from checkout_daemon.settings import Settings, load_settings
from checkout_daemon.store.event_reads import EventOutcome

_CONNECTIONS = 2


def list_events(*, as_json: bool) -> int:
    if as_json:
        print_json_lines(
            {"type": row.name, "order": row.needs, "says": row.description} for row in EVENT_TYPES.values()
        )
        return 0
    width = max(map(len, EVENT_TYPES))
    answer(f"{'EVENT':<{width}}  {'--order':<8}  DESCRIPTION")
    for row in EVENT_TYPES.values():
        answer(f"{row.name:<{width}}  {row.needs:<8}  {row.description}")
    say("\nAn unpaid order needs an open session. Stripe's other events can be triggered too; the daemon ignores them.")
    return 0


def trigger_event(event: str, order: str | None, amount: int | None, timeout_seconds: float, *, as_json: bool) -> int:
    settings = load_settings()
    refuse_live_key(settings)
    database_address(settings, direct=False)
    with open_stripe_cli(settings) as cli:
        troubles = asyncio.run(_trigger(settings, cli, Request(event, order, amount, timeout_seconds), as_json=as_json))
    for trouble in troubles:
        say(f"error: {trouble}")
    return 1 if troubles else 0


async def _trigger(settings: Settings, cli: StripeCli, request: Request, *, as_json: bool) -> list[str]:
    def hear(line: str, stderr: bool) -> None:
        click.echo(line, err=stderr or as_json)
        sys.stdout.flush()

    def tell(end: EventOutcome) -> None:
        if as_json:
            print_json(end_object(end))
        else:
            answer(end_line(end))
        sys.stdout.flush()

    async with open_runtime(settings, pool_size=_CONNECTIONS) as runtime:
        return await trigger(runtime, cli, request, hear=hear, tell=tell)
