"""`checkout operators`: who may do what in this shop."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.lists import ListColumn, ListKind, list_options, printer_of
from checkout_daemon.commands.options import json_option, note_option, yes_option
from checkout_daemon.commands.output import answer, keys, print_json, say
from checkout_daemon.commands.running import with_database, with_reads
from checkout_daemon.commands.typed import TERM, OneOf
from checkout_daemon.present.text import plain

if TYPE_CHECKING:
    from checkout_daemon.audit.registering import ChangedOperator
    from checkout_daemon.audit.rights import Registered
    from checkout_daemon.database.pool import Database
    from checkout_daemon.database.reading import Reads
    from checkout_daemon.settings import Settings

ROLES = ("view", "act", "refund", "approve", "admin")
"""As the constraint operators_role_known lists them."""

_LIMIT = re.compile(r"([A-Za-z]{3})=([0-9]{1,15})")
_limit_help = "Refund up to this of one order alone, in minor units, such as eur=5000 (repeatable)."


@click.group(cls=CommandGroup)
def operators() -> None:
    """Set who may do what, up to which amount.

    Example:
      checkout operators list
    """


@operators.command("add")
@click.argument("name", type=TERM)
@click.option("--role", type=OneOf(ROLES), required=True, help="Give this role; see above.")
@click.option("--limit", "limits", multiple=True, type=TERM, metavar="CUR=MINOR", help=_limit_help)
@click.option("--system-user", "os_user", type=TERM, metavar="USER", help="Recognize them by their system's user.")
@click.option("--token", type=TERM, metavar="TOKEN", help="Recognize them by the API token with this name.")
@click.option("--database-role", type=TERM, metavar="LOGIN", help="Recognize them by this login at the database.")
@click.option("--prefix", type=TERM, default="checkout", show_default=True, help="Begin the groups' names with this.")
@note_option
@json_option
def operators_add(
    name: str,
    role: str,
    limits: tuple[str, ...],
    os_user: str | None,
    token: str | None,
    database_role: str | None,
    prefix: str,
    note: str,
    as_json: bool,
) -> int:
    """Add an operator.

    Once there is an operator, only operators may act; the first must be an admin. Each role includes those before it:
    view; act (all but refunds); refund (up to the limits); approve (what others propose); admin (operators and tokens).
    What is above a limit becomes a proposal. An admin without limits may refund any amount.

    Only a login at the database binds whoever has it, also in SQL. It is made if it does not exist, and its password
    printed once. With a token, set CHECKOUT_OPERATOR_TOKEN.

    Example:
      checkout operators add anna --role admin --system-user anna
      checkout operators add bo --role refund --limit eur=5000 --database-role bo
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.registering import NewOperator, add_operator
    from checkout_daemon.audit.rights import OperatorRole

    wanted = NewOperator(name, OperatorRole(role), _limits(limits), os_user, token, database_role, prefix)

    async def work(database: Database, _: Settings) -> tuple[Registered, str | None]:
        return await add_operator(database, wanted, operator=this_operator(), note=note)

    added, password = with_database(work)
    if as_json:
        print_json(_record(added) | {"password": password})
        return 0
    if password is not None:
        answer(password)
        say(f"It is the password of the login {added.database_role}, and shown only once.")
    say(f"{added.name} is an operator: {added.role.value}, {_limits_text(added)}.")
    return 0


@operators.command("list")
@click.option("--all", "disabled", is_flag=True, help="List those that were disabled as well.")
@list_options
def operators_list(disabled: bool, **options: Any) -> int:
    """List operators by name.

    Example:
      checkout operators list --all
    """
    from checkout_daemon.audit.registering import list_operators

    printer = printer_of(_listing(datetime.now(UTC)), options)

    async def work(database: Reads, settings: Settings) -> list[Registered]:
        printer.zone = settings.time_zone
        return await list_operators(database, disabled=disabled)

    printer.print_all(with_reads(work))
    if not printer.end() and not printer.silent:
        say("No operators: everybody who reaches the database may act. `checkout operators add` makes the first.")
    return 0


@operators.command("limit")
@click.argument("name", type=TERM)
@click.argument("limits", nargs=-1, type=TERM, metavar="[CUR=MINOR]...")
@click.option("--role", type=OneOf(ROLES), help="Give them this role as well.")
@note_option
@json_option
def operators_limit(name: str, limits: tuple[str, ...], role: str | None, note: str, as_json: bool) -> int:
    """Set what an operator refunds alone, and the role.

    CUR=MINOR is an amount in minor units, such as eur=5000; together they replace all limits. Without one, limits stay
    as they are if --role is given, and are removed otherwise. With --role, their login at the database gets the rights
    of the role. If the database user may not change these, the statements to run are printed.

    Example:
      checkout operators limit bo eur=10000 chf=10000
      checkout operators limit bo --role approve
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.registering import change_operator
    from checkout_daemon.audit.rights import OperatorRole

    wanted = _limits(limits) if limits or role is None else None

    async def work(database: Database, _: Settings) -> ChangedOperator:
        kept = None if role is None else OperatorRole(role)
        return await change_operator(database, name, operator=this_operator(), limits=wanted, role=kept, note=note)

    changed = with_database(work)
    operator = changed.operator
    if as_json:
        print_json(_record(operator) | {"statements": changed.statements})
    else:
        say(f"{operator.name}: {operator.role.value}, {_limits_text(operator)}.")
        _print_statements(changed)
    return 0


@operators.command("disable")
@click.argument("name", type=TERM)
@note_option
@yes_option
@json_option
def operators_disable(name: str, note: str, yes: bool, as_json: bool) -> int:
    """Disable an operator, from their next act on.

    Their token is refused, and their login at the database loses its rights. If the database user may not change these,
    the statements to run are printed. The name stays in the audit log.

    Example:
      checkout operators disable bo --note "left the company"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.audit.registering import disable_operator

    confirm(f"Disable the operator {name}? What they do next is refused.", yes=yes)
    changed = with_database(lambda database, _: disable_operator(database, name, operator=this_operator(), note=note))
    operator = changed.operator
    if as_json:
        print_json(_record(operator) | {"statements": changed.statements})
        return 0
    answer(f"{operator.name} is disabled.")
    if operator.token is not None:
        say(f"Their token {operator.token} is refused from now on, for reading too.")
    _print_statements(changed)
    return 0


def _print_statements(changed: ChangedOperator) -> None:
    """Print what another database user must run to change the rights of the operator's login."""
    if changed.statements:
        login = changed.operator.database_role
        say(f"The login {login} keeps its rights: this database user may not change them. One who may must run:")
    for statement in changed.statements:
        answer(f"{plain(statement)};")


def _limits(texts: tuple[str, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        if (match := _LIMIT.fullmatch(text)) is None:
            raise click.UsageError(f"a limit is a currency and minor units, such as eur=5000, not {text!r}")
        currency = match[1].lower()
        if currency in found:
            raise click.UsageError(f"{currency} has two limits: give one")
        found[currency] = int(match[2])
    return found


def _limits_text(operator: Registered) -> str:
    from checkout_daemon.audit.rights import OperatorRole
    from checkout_daemon.present.money import money

    alone = [f"up to {money(limit, currency)}" for currency, limit in operator.limits.items()]
    if operator.role is OperatorRole.ADMIN and not alone:
        return "any amount"
    return ", ".join(alone) if alone and operator.role.includes(OperatorRole.REFUND) else "no refunds alone"


def _listing(now: datetime) -> ListKind[Registered]:
    from checkout_daemon.present.times import age

    columns: list[ListColumn[Registered]] = [
        ListColumn("name", "name", lambda one: one.name),
        ListColumn("role", "role", lambda one: one.role.value),
        ListColumn("limits", "limits", _limits_text),
        ListColumn("system user", "system_user", lambda one: plain(one.os_user or "")),
        ListColumn("token", "token", lambda one: plain(one.token or "")),
        ListColumn("login", "database_role", lambda one: plain(one.database_role or "")),
        ListColumn("age", "created_at", lambda one: age(one.created_at, now), right=True),
        ListColumn("status", "status", lambda one: "disabled" if one.disabled_at else "active"),
    ]
    return ListKind(columns, [*_KEYS], "name", _record)


_KEYS = (
    *("name", "role", "limits", "system_user", "token", "database_role", "created_by", "created_at"),
    *("disabled_at", "disabled_by", "status"),
)


def _record(operator: Registered) -> dict[str, Any]:
    fields = keys(operator) | {"system_user": operator.os_user}
    fields |= {"limits": dict(operator.limits), "status": "disabled" if operator.disabled_at else "active"}
    return {name: fields[name] for name in _KEYS}
