"""`checkout settings`: every setting, its value, and where the value comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.lists import ListColumn, ListKind, Printer, format_options, printer_of

if TYPE_CHECKING:
    from checkout_daemon.settings.loading import Examined
    from checkout_daemon.settings.rows import SettingRow
    from checkout_daemon.settings.sources import Found

    Examination = tuple[Examined, str, SettingRow]

_KEYS = ("name", "value", "source", "file", "secret", "default", "fault")


@click.command(cls=Command)
@format_options
def settings(**options: Any) -> int:
    """Show every setting, its value and its source.

    Secrets are hidden; of a URL with a password, the rest is shown. Exit code 2 if a setting is wrong.

    Example:
      checkout settings
      checkout settings --json | grep -v '"source":"default"'
    """
    from checkout_daemon.commands.output import say
    from checkout_daemon.errors import ConfigurationError
    from checkout_daemon.settings.loading import examine_settings

    printer = printer_of(_LISTING, options, default="text")
    examined = examine_settings()
    if printer.form == "text":
        _print_groups(examined)
    else:
        _print_list(printer, examined)
    if printer.form != "quiet":
        _say_warnings(examined)
    for fault in examined.faults.values():
        say(f"error: {fault}")
    return ConfigurationError.exit_code if examined.faults else 0


def _say_warnings(examined: Examined) -> None:
    from checkout_daemon.commands.output import say
    from checkout_daemon.settings.unknown import unknown_warnings

    if unused_for := examined.settings.demo_unused_for:
        say(f"note: dev.env of the demo is not used, because {', '.join(unused_for)} is set")
    for warning in unknown_warnings():
        say(f"warning: {warning}")


def _print_list(printer: Printer[Examination], examined: Examined) -> None:
    from checkout_daemon.settings.table import ROWS

    printer.print_all([(examined, field, row) for field, row in ROWS.items()])
    printer.end()


def _object(examination: Examination) -> dict[str, Any]:
    examined, field, row = examination
    found, fault = examined.sources.get(row.name), examined.faults.get(row.name)
    return {
        "name": row.name,
        "value": None if fault else row.shown(getattr(examined.settings, field)),
        "source": found.layer.name if found else "default",
        "file": found.file if found else None,
        "secret": row.secret,
        "default": row.default_words(),
        "fault": fault,
    }


def _print_groups(examined: Examined) -> None:
    from rich.table import Column
    from rich.text import Text

    from checkout_daemon.commands.output import print_columns
    from checkout_daemon.present.text import plain
    from checkout_daemon.settings.rows import Group
    from checkout_daemon.settings.table import ROWS

    cells: list[list[str | Text]] = []
    for group in Group:
        cells.append([Text(group.value, style="bold"), "", ""])
        for field, row in ROWS.items():
            if row.group is group:
                found = examined.sources.get(row.name)
                style = "bold red" if row.name in examined.faults else "" if found else "dim"
                value = Text(plain(_value(examined, field, row)), style=style)
                cells.append([f"  {row.name}", value, _source(found)])
    columns = [Column("Setting", no_wrap=True), Column("Value", overflow="fold", ratio=1), Column("Source")]
    print_columns(columns, cells)


def _value(examined: Examined, field: str, row: SettingRow) -> str:
    if row.name in examined.faults:
        return "FAULT"
    value = getattr(examined.settings, field)
    return row.shown(value) or ("(hidden)" if value and row.secret else row.default_words())


def _source(found: Found | None) -> str:
    if found is None:
        return "default"
    return found.layer.name + (f": {found.file}" if found.file else "")


def _shown(examination: Examination) -> str:
    from checkout_daemon.present.text import plain

    return plain(_value(*examination))


_LISTING: ListKind[Examination] = ListKind(
    (
        ListColumn("setting", "name", lambda row: row[2].name),
        ListColumn("value", "value", _shown, ratio=1),
        ListColumn("source", "source", lambda row: _source(row[0].sources.get(row[2].name))),
    ),
    _KEYS,
    "name",
    _object,
)
