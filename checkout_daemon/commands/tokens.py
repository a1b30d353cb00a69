"""`checkout tokens`: bearer tokens, with which the shop's own systems use /api/orders."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, Printer, list_options, printer_of
from checkout_daemon.commands.options import json_option, log_note_option, read_future, yes_option
from checkout_daemon.commands.output import answer, keys, print_json, say
from checkout_daemon.commands.running import with_database, with_reads
from checkout_daemon.commands.typed import TERM, OneOf
from checkout_daemon.present.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.settings import Settings
    from checkout_daemon.tokens.api_tokens import ApiToken

SCOPES = ("orders:read", "orders:write")
"""As Scope in tokens/api_tokens.py has them."""


@click.group(cls=CommandGroup)
def tokens() -> None:
    """Give the shop's own systems access to orders.

    Example:
      checkout tokens create erp --scope orders:read
    """


@tokens.command("create")
@click.argument("name", type=TERM)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=OneOf(SCOPES),
    default=("orders:read",),
    show_default=True,
    help="Allow this (repeatable).",
)
@click.option("--expires", type=TERM, metavar="WHEN", help="End it at, such as 90d or a date.  [default: never]")
@log_note_option
@json_option
def tokens_create(name: str, scopes: tuple[str, ...], expires: str | None, note: str, as_json: bool) -> int:
    """Create a token and print it, once.

    NAME is who uses it: the audit log has it. orders:read is for GET /api/orders; orders:write also refunds, cancels
    and adds notes. Only a hash of the token is stored. docs/API.md shows how to use it.

    Example:
      checkout tokens create erp
      checkout tokens create desk --scope orders:write --expires 90d
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.tokens.api_tokens import Scope, create_token

    async def work(database: Database, settings: Settings) -> tuple[ApiToken, str]:
        ends = None if expires is None else read_future(expires, "--expires", settings.time_zone)
        wanted = tuple(Scope(scope) for scope in scopes)
        return await create_token(database, name, wanted, operator=this_operator(), expires_at=ends, note=note)

    token, text = with_database(work)
    if as_json:
        print_json(_record(token) | {"token": text})
        return 0
    answer(text)
    say(f"{token.name} may use {', '.join(token.scopes)}. It is shown only once: keep it secret.")
    return 0


@tokens.command("list")
@click.option("--all", "revoked", is_flag=True, help="List those that were revoked as well.")
@list_options
def tokens_list(revoked: bool, **options: Any) -> int:
    """List tokens, newest first, without their secrets.

    Example:
      checkout tokens list --all
    """
    from checkout_daemon.tokens.api_tokens import list_tokens

    printer: Printer[ApiToken] = printer_of(_listing(datetime.now(UTC), lambda: printer.zone), options)

    async def work(database: Reads, settings: Settings) -> list[ApiToken]:
        printer.zone = settings.time_zone
        return await list_tokens(database, revoked=revoked)

    printer.print_all(with_reads(work))
    if not printer.end() and not printer.silent:
        say("No tokens. `checkout tokens create NAME` makes one.")
    return 0


@tokens.command("revoke")
@click.argument("name", type=TERM, metavar="NAME")
@log_note_option
@yes_option
@json_option
def tokens_revoke(name: str, note: str, yes: bool, as_json: bool) -> int:
    """Revoke a token, from the next request on.

    NAME is its name or id.

    Example:
      checkout tokens revoke erp --note "left the company"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.tokens.api_tokens import named_token, revoke_token

    async def work(database: Database, settings: Settings) -> ApiToken:
        token = await named_token(database, name)
        confirm(f"Revoke the token {token.name} ({token.id})? Who uses it is refused at once.", yes=yes)
        return await revoke_token(database, token.id, operator=this_operator(), note=note)

    token = with_database(work)
    if as_json:
        print_json(_record(token))
    else:
        answer(f"{token.name} ({token.id}) is revoked.")
    return 0


def _listing(now: datetime, zone: Callable[[], str]) -> ListKind[ApiToken]:
    """Return the list. `zone` returns the time zone, which is known once the settings are read."""
    from checkout_daemon.present.times import age, local_time

    def expires(token: ApiToken) -> str:
        return "" if token.expires_at is None else local_time(token.expires_at, zone())

    columns: list[ListColumn[ApiToken]] = [
        ListColumn("name", "name", lambda token: token.name),
        ListColumn("scopes", "scopes", lambda token: " ".join(token.scopes)),
        ListColumn("status", "status", lambda token: token.status),
        ListColumn("age", "created_at", lambda token: age(token.created_at, now), right=True),
        ListColumn(
            "used", "last_used_at", lambda token: age(token.last_used_at, now) if token.last_used_at else "", right=True
        ),
        ListColumn("expires", "expires_at", expires),
        ListColumn("by", "created_by", lambda token: plain(token.created_by)),
    ]
    return ListKind(columns, [*_KEYS], "name", _record)


_KEYS = (
    *("id", "name", "scopes", "status", "created_by", "created_at", "expires_at", "last_used_at"),
    *("revoked_at", "revoked_by"),
)


def _record(token: ApiToken) -> dict[str, Any]:
    fields = keys(token) | {"status": token.status}
    return {name: fields[name] for name in _KEYS}
