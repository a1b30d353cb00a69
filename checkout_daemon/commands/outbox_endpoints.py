"""`checkout outbox endpoints`: the shop's systems that receive webhooks, each with its own secret and filter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import json_option, log_note_option, yes_option
from checkout_daemon.commands.output import answer, print_json, print_result, say
from checkout_daemon.commands.running import with_database, with_reads
from checkout_daemon.commands.typed import TERM
from checkout_daemon.present.text import plain

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.messages.webhook_endpoints import WebhookEndpoint
    from checkout_daemon.settings import Settings

_KEYS = (
    *("name", "url", "events", "status", "waiting", "succeeded_at", "failing_since", "disabled_at", "disabled_why"),
    *("created_by", "created_at", "old_secret_until"),
)
_name = click.argument("name", type=TERM)
_MOST_SHOWN, _MOST_LINES = 500, 10  # characters and lines of an answer's body


@click.group("endpoints", cls=CommandGroup)
def outbox_endpoints() -> None:
    """Send webhooks to several of the shop's systems.

    CHECKOUT_SHOP_WEBHOOK_URL is a further one, which these commands leave alone.

    Example:
      checkout outbox endpoints add warehouse https://wms.example/hooks
    """


@outbox_endpoints.command("list")
@list_options
def outbox_endpoints_list(**options: Any) -> int:
    """List endpoints by name, without their secrets.

    STATUS is enabled, failing (takes no message now) or disabled.

    Example:
      checkout outbox endpoints list
    """
    from checkout_daemon.messages.webhook_endpoints import list_endpoints

    printer = printer_of(_listing(datetime.now(UTC)), options)

    async def work(database: Reads, settings: Settings) -> list[WebhookEndpoint]:
        printer.zone = settings.time_zone
        return await list_endpoints(database)

    printer.print_all(with_reads(work))
    if not printer.end() and not printer.silent:
        say("No endpoints. `checkout outbox endpoints add NAME URL` adds one.")
    return 0


@outbox_endpoints.command("add")
@_name
@click.argument("url", type=TERM)
@click.option("--event", "events", multiple=True, type=TERM, metavar="KIND", help="Send only this kind (repeatable).")
@log_note_option
@json_option
def outbox_endpoints_add(name: str, url: str, events: tuple[str, ...], note: str, as_json: bool) -> int:
    """Add an endpoint and print its signing secret.

    KIND is a type of message, such as order.completed: docs/MESSAGES.md has them. Messages from now on are sent to it,
    and those not yet sent to anybody.

    Example:
      checkout outbox endpoints add warehouse https://wms.example/hooks
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.messages.webhook_endpoints import add_endpoint
    from checkout_daemon.urls import BadUrl, read_http_url

    try:
        read_http_url(url, final=True)
    except BadUrl as error:
        raise click.UsageError(f"URL {error}") from error
    added = with_database(
        lambda database, _: add_endpoint(database, name, url, events, operator=this_operator(), note=note)
    )
    _reveal(added, as_json=as_json)
    return 0


@outbox_endpoints.command("remove")
@_name
@log_note_option
@yes_option
@json_option
def outbox_endpoints_remove(name: str, note: str, yes: bool, as_json: bool) -> int:
    """Remove an endpoint. What waits for it is skipped.

    Example:
      checkout outbox endpoints remove warehouse
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.messages.webhook_endpoints import find_endpoint, remove_endpoint

    async def work(database: Database, settings: Settings) -> int:
        await find_endpoint(database, name)
        confirm(f"Remove the endpoint {name}, with its secret?", yes=yes)
        return await remove_endpoint(database, name, operator=this_operator(), note=note)

    skipped = with_database(work)
    if as_json:
        print_json({"name": name, "skipped": skipped})
    else:
        answer(f"{name} is removed; messages that waited for it: {skipped}.")
    return 0


@outbox_endpoints.command("disable")
@_name
@log_note_option
@json_option
def outbox_endpoints_disable(name: str, note: str, as_json: bool) -> int:
    """Send nothing to an endpoint until it is enabled.

    What it misses is kept, for `enable --replay`.

    Example:
      checkout outbox endpoints disable warehouse --note "moving servers"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.messages.webhook_endpoints import disable_endpoint

    found = with_database(lambda database, _: disable_endpoint(database, name, operator=this_operator(), note=note))
    if as_json:
        print_json(_record(found))
    else:
        answer(f"{name} is disabled. `checkout outbox endpoints enable {name} --replay` sends what it missed.")
    return 0


@outbox_endpoints.command("enable")
@_name
@click.option("--replay", is_flag=True, help="Send what it missed, too: what was skipped or is dead.")
@log_note_option
@json_option
def outbox_endpoints_enable(name: str, replay: bool, note: str, as_json: bool) -> int:
    """Send to an endpoint again.

    Example:
      checkout outbox endpoints enable warehouse --replay
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.messages.webhook_endpoints import enable_endpoint

    found, queued = with_database(
        lambda database, _: enable_endpoint(database, name, replay=replay, operator=this_operator(), note=note)
    )
    if as_json:
        print_json(_record(found) | {"queued": queued})
    else:
        answer(f"{name} is enabled; messages queued again: {queued}.")
    return 0


@outbox_endpoints.command("rotate")
@_name
@log_note_option
@yes_option
@json_option
def outbox_endpoints_rotate(name: str, note: str, yes: bool, as_json: bool) -> int:
    """Give an endpoint a new secret, and print it.

    Messages are signed with the old one as well for 24 hours.

    Example:
      checkout outbox endpoints rotate warehouse
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.messages.webhook_endpoints import find_endpoint, rotate_secret

    async def work(database: Database, settings: Settings) -> WebhookEndpoint:
        await find_endpoint(database, name)
        confirm(f"Give {name} a new secret? The old one signs for 24 more hours.", yes=yes)
        return await rotate_secret(database, name, operator=this_operator(), note=note)

    _reveal(with_database(work), as_json=as_json)
    return 0


@outbox_endpoints.command("test")
@_name
@json_option
def outbox_endpoints_test(name: str, as_json: bool) -> int:
    """Send the endpoint a test message, and print the answer.

    Prints the HTTP status, how long it took, and the beginning of the body. Exit code 1 if the endpoint does not take
    it.

    Example:
      checkout outbox endpoints test warehouse
    """
    from checkout_daemon.errors import why
    from checkout_daemon.messages.outcomes import TryLater
    from checkout_daemon.messages.shop_webhooks import ReceiverAnswer, send_test
    from checkout_daemon.messages.webhook_endpoints import find_endpoint

    async def work(database: Database, settings: Settings) -> ReceiverAnswer | str:
        endpoint = await find_endpoint(database, name)
        try:
            return await send_test(endpoint)
        except TryLater as error:
            return str(error) or why(error)

    found = with_database(work)
    if isinstance(found, str):
        ok = False
        record: dict[str, Any] = {"error": found, "status": None, "seconds": None, "body": None}
        text = f"{name} did not take the message: {plain(found)}."
    else:
        ok, body = found.accepted, found.body.decode(errors="replace")[:_MOST_SHOWN]
        fault = None if ok else f"the receiver answered {found.status}"
        record = {"error": fault, "status": found.status, "seconds": round(found.seconds, 3), "body": body}
        took = f"{name} took the message: {found.status}" if ok else f"{name} did not take the message: {fault}"
        text = f"{took} after {found.seconds * 1000:.0f} ms."
        text += "".join(f"\n  {plain(line)}" for line in body.splitlines()[:_MOST_LINES])
    print_result({"name": name, "ok": ok, **record}, text, as_json=as_json)
    return 0 if ok else 1


def _listing(now: datetime) -> ListKind[WebhookEndpoint]:
    from checkout_daemon.present.times import age

    def ago(time: datetime | None) -> str:
        return "" if time is None else age(time, now)

    columns: list[ListColumn[WebhookEndpoint]] = [
        ListColumn("name", "name", lambda endpoint: endpoint.name),
        ListColumn("status", "status", lambda endpoint: endpoint.status),
        ListColumn("waiting", "waiting", lambda endpoint: str(endpoint.waiting), right=True),
        ListColumn("success", "succeeded_at", lambda endpoint: ago(endpoint.succeeded_at), right=True),
        ListColumn("events", "events", lambda endpoint: " ".join(endpoint.events) or "all", ratio=1),
        ListColumn("url", "url", lambda endpoint: plain(_shown_url(endpoint.url)), ratio=2),
    ]
    return ListKind(columns, [*_KEYS], "name", _record)


def _record(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in _KEYS} | {"url": _shown_url(endpoint.url)}


def _shown_url(url: str) -> str:
    """Return the origin alone: a path may be as secret as a password."""
    from checkout_daemon.urls import read_http_url

    return str(read_http_url(url, final=True).origin)


def _reveal(endpoint: WebhookEndpoint, *, as_json: bool) -> None:
    if as_json:
        print_json(_record(endpoint) | {"secret": endpoint.secret})
        return
    answer(endpoint.secret)
    say(f"{endpoint.name} verifies messages with this secret: docs/MESSAGES.md shows how.")
    say(f"`checkout outbox endpoints test {endpoint.name}` sends a message to try it.")
