"""`checkout listen`: the secret made known first, then a line for each delivery."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

import click

from checkout_daemon.commands.output import answer, print_json, say
from checkout_daemon.commands.running import database_address
from checkout_daemon.domain.webhook_endpoint import webhook_url
from checkout_daemon.present.text import plain, words
from checkout_daemon.runtime import open_runtime
from checkout_daemon.services.apply import Applied
from checkout_daemon.services.listen_secret import NAME, learn_secret, line_to_set, make_known
from checkout_daemon.services.listening import Delivery, Listener, Listening, listen
from checkout_daemon.services.stripe_cli import StripeCli, open_stripe_cli
from checkout_daemon.settings import Settings, load_settings

_CONNECTIONS = 2


def listen_to_stripe(forward_to: str | None, check_seconds: float, *, as_json: bool) -> int:
    settings = load_settings()
    url = forward_to or webhook_url(settings.public_url)
    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"--forward-to must be a URL such as http://127.0.0.1:8000/api/webhook, not {url!r}")
    with open_stripe_cli(settings) as cli:
        return asyncio.run(_until_stopped(settings, cli, url, check_seconds, as_json=as_json))


async def _until_stopped(settings: Settings, cli: StripeCli, url: str, check_seconds: float, *, as_json: bool) -> int:
    work = asyncio.create_task(_listen(settings, cli, url, check_seconds, as_json=as_json))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await work
    return 0


async def _listen(settings: Settings, cli: StripeCli, url: str, check_seconds: float, *, as_json: bool) -> int:
    options = ["--live"] if settings.livemode else []
    secret = await learn_secret(cli, *options)
    if not make_known(settings, secret):
        line = line_to_set(settings, secret)
        if as_json:
            print_json({NAME: line.partition("=")[2]})
        else:
            answer(line)
        say("error: the daemon does not know the secret of `stripe listen`: set this line for it and start it again")
        return 1
    database_address(settings, direct=False)
    listener = Listener(
        delivered=lambda delivery: _print_delivery(delivery, as_json=as_json),
        fetched=lambda applied: _print_fetched(applied, as_json=as_json),
        say=lambda text: say(plain(text)),
    )
    async with open_runtime(settings, pool_size=_CONNECTIONS) as runtime:
        await listen(runtime, cli, Listening(url, secret, options, check_seconds), listener)
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
    """`status`: the daemon's answer to a delivery; `outcome`: what became of an event that had to be fetched."""
    how = "delivered" if status is not None else "fetched"
    print_json({"id": event_id, "type": event_type, "how": how, "status": status, "outcome": outcome})
