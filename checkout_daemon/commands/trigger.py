"""`checkout trigger` and `checkout listen`: run the official Stripe CLI and follow the events that it causes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.completers import complete_event_types
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of, refuse_list_options
from checkout_daemon.commands.options import amount_option, json_option, order_option, timeout_option
from checkout_daemon.commands.output import answer, print_json, print_result, say
from checkout_daemon.commands.running import database_address, run, with_stripe_cli
from checkout_daemon.commands.typed import TERM, Number
from checkout_daemon.present.text import plain, words

if TYPE_CHECKING:
    from checkout_daemon.events.event_lists import EventOutcome
    from checkout_daemon.ledger.apply import Applied
    from checkout_daemon.model.typed_money import TypedMoney
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_cli.listening import Delivery
    from checkout_daemon.stripe_cli.program import StripeCli

_CONNECTIONS = 2
_EVENT_KEYS = ("type", "order", "says")  # kept: JSON key


@click.command(cls=Command)
@click.argument("event", type=TERM, required=False, shell_complete=complete_event_types)
@order_option("Make it happen to this order: its number, id, …, or `new` to create one.")
@amount_option
@timeout_option
@click.option("--list", "listing", is_flag=True, help="List the events that the daemon understands.")
@list_options
def trigger(
    event: str | None,
    order: str | None,
    amount: int | TypedMoney | None,
    timeout_seconds: float,
    listing: bool,
    **options: Any,
) -> int:
    """Have Stripe create EVENT, and follow its effects.

    Runs the official Stripe CLI, against the offline Stripe or a real account in test mode. With --order the event
    happens to that order: its own session is paid, failed or expired, its own payment refunded or disputed.

    Example:
      checkout trigger checkout.session.completed --order 1001
    """
    if listing:
        return _list_events(options)
    as_json = refuse_list_options(options, "--list")
    if event is None:
        raise click.UsageError("name an EVENT; `checkout trigger --list` lists them")
    from checkout_daemon.commands.events_actions import print_outcome
    from checkout_daemon.settings import load_settings
    from checkout_daemon.stripe_cli import triggering

    def print_line(line: str, stderr: bool) -> None:
        click.echo(plain(line), err=stderr or as_json)
        sys.stdout.flush()

    def print_event(outcome: EventOutcome) -> None:
        print_outcome(outcome, as_json=as_json)
        sys.stdout.flush()

    settings = load_settings()
    triggering.refuse_live_key(settings)
    request = triggering.TriggerRequest(event, order, amount, timeout_seconds)
    troubles = with_stripe_cli(
        settings,
        lambda runtime, cli: triggering.trigger(runtime, cli, request, on_line=print_line, on_outcome=print_event),
    )
    for trouble in troubles:
        say(f"error: {trouble}")
    return 1 if troubles else 0


def _list_events(options: dict[str, Any]) -> int:
    from checkout_daemon.ledger.event_types import EVENT_TYPES, EventType

    def record(row: EventType) -> dict[str, str]:
        return {"type": row.name, "order": row.needs, "says": row.description}  # kept: JSON key

    columns: list[ListColumn[EventType]] = [
        ListColumn("event", "type", lambda row: row.name),
        ListColumn("--order", "order", lambda row: row.needs),
        ListColumn("description", "says", lambda row: row.description, ratio=1),  # kept: JSON key
    ]
    printer = printer_of(ListKind(columns, _EVENT_KEYS, "type", record), options)
    printer.print_all(list(EVENT_TYPES.values()))
    printer.end()
    if not printer.silent:
        say("\nAn unpaid order needs an open session. Stripe can trigger other events too; the daemon ignores them.")
    return 0


@click.command(cls=Command)
@click.option(
    "--forward-to", type=TERM, metavar="URL", help="The daemon's webhook.  [default: CHECKOUT_PUBLIC_URL/api/webhook]"
)
@click.option(
    "--check",
    "check_seconds",
    type=Number(0.1),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="Look for missed events this often.",
)
@json_option
def listen(forward_to: str | None, check_seconds: float, as_json: bool) -> int:
    """Forward Stripe's events to this machine, until Ctrl-C.

    Runs `stripe listen` and restarts it when it ends; fetches the events that it missed from Stripe. Its signing
    secret is given to the daemon of this directory; if no daemon runs there, the line to set is printed.

    Example:
      checkout listen
    """
    from checkout_daemon.settings import load_settings
    from checkout_daemon.stripe_cli.program import open_stripe_cli
    from checkout_daemon.stripe_sync.endpoint_rules import webhook_url

    settings = load_settings()
    url = forward_to or webhook_url(settings.public_url)
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--forward-to must be a URL such as http://127.0.0.1:8000/api/webhook, not {url!r}")
    with open_stripe_cli(settings) as cli:
        return run(_until_stopped(settings, cli, url, check_seconds, as_json=as_json))


async def _until_stopped(settings: Settings, cli: StripeCli, url: str, check_seconds: float, *, as_json: bool) -> int:
    import asyncio
    import signal
    from contextlib import suppress

    work = asyncio.create_task(_listen(settings, cli, url, check_seconds, as_json=as_json))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with suppress(asyncio.CancelledError):
        return await work
    return 0


async def _listen(settings: Settings, cli: StripeCli, url: str, check_seconds: float, *, as_json: bool) -> int:
    from checkout_daemon.runtime import open_runtime
    from checkout_daemon.stripe_cli.listen_secret import NAME, learn_secret, line_to_set, share_secret
    from checkout_daemon.stripe_cli.listening import Listener, Listening
    from checkout_daemon.stripe_cli.listening import listen as follow

    options = ["--live"] if settings.livemode else []
    secret = await learn_secret(cli, *options)
    if not share_secret(settings, secret):
        line = line_to_set(settings, secret)
        print_result({NAME: line.partition("=")[2]}, line, as_json=as_json)
        say("error: the daemon lacks the secret of `stripe listen`: set this line for it and restart it")
        return 1
    database_address(settings, direct=False)
    listener = Listener(
        delivered=lambda delivery: _print_delivery(delivery, as_json=as_json),
        fetched=lambda applied: _print_fetched(applied, as_json=as_json),
        say=lambda text: say(plain(text)),
    )
    async with open_runtime(settings, pool_size=_CONNECTIONS) as runtime:
        await follow(runtime, cli, Listening(url, secret, options, check_seconds), listener)
    return 0


def _print_delivery(delivery: Delivery, *, as_json: bool) -> None:
    if as_json:
        _print_line(delivery.event_id, delivery.type, status=delivery.status)
    else:
        good = 200 <= delivery.status < 300
        answer(
            f"{plain(delivery.type)} {delivery.event_id} -> {click.style(delivery.status, fg=None if good else 'red')}"
        )
    sys.stdout.flush()


def _print_fetched(applied: Applied, *, as_json: bool) -> None:
    if as_json:
        _print_line(applied.event_id, applied.type, outcome=applied.status)
    else:
        reason = f": {words(applied.reason)}" if applied.reason else ""
        answer(f"{plain(applied.type)} {applied.event_id} -> fetched, {applied.status}{reason}")
    sys.stdout.flush()


def _print_line(event_id: str, event_type: str, *, status: int | None = None, outcome: str | None = None) -> None:
    """Print a line of JSON. `status` is the daemon's response to a delivery, `outcome` that of a fetched event."""
    how = "delivered" if status is not None else "fetched"
    print_json({"id": event_id, "type": event_type, "how": how, "status": status, "outcome": outcome})
