"""docs/CLI.md, made from the commands themselves: `make manual`."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

import cli

_HEAD = """\
# The commands

Made by `make manual` from what `--help` says.

Results are printed on stdout, talk and progress on stderr. With `--json` a command prints an object, or a line of JSON
for each thing in a list; amounts are integers in minor units, times RFC 3339 in UTC. Colour is for terminals, and not
where `NO_COLOR` is set.

ORDER is a number, an id or its beginning, a `cs_…`, `pi_…` or `ch_…` of Stripe's, or the customer's email; a number
wins over the beginning of an id. Where several orders fit, they are listed, with exit code 2. A shell completes
numbers, once `checkout completion` has told it how.

WHEN is a span before now (`30m`, `24h`, `7d`), a date or an RFC 3339 time; without an offset of the shop's time zone.

| exit code | means |
|---|---|
| 0 | done |
| 1 | failed; for those that check or compare: something is wrong |
| 2 | wrong usage, or a confirmation is missing: what destroys asks on a terminal and needs `--yes` off one |
| 3 | there is no such order, event, session or message |
| 4 | refused because of the state of the order, or of what else is meant |
| 5 | the database or Stripe is not reachable |
| 130 | interrupted with Ctrl-C |
"""


def manual(program: click.Group) -> str:
    """The whole page, of every command with its own synopsis, description, options and examples."""
    pages = list(commands(program, "checkout"))
    index = "\n".join(
        f"- [`{path}`](#{path.replace(' ', '-')}): {command.get_short_help_str(100)}" for path, command in pages
    )
    return "\n".join([_HEAD, index, "", *(_page(path, command) for path, command in pages)])


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Those that do something, with the words that call them, by name; groups only hold them together."""
    for name in sorted(group.commands):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def help_parts(command: click.Command) -> tuple[str, str]:
    """(what it does, its examples), as the help has them."""
    told, _, examples = cleandoc(command.help or "").partition("\b\nExample:\n")
    return told.strip(), "\n".join(line.strip() for line in examples.strip().splitlines())


def _page(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    described, examples = help_parts(command)
    options = [record for each in command.params if (record := each.get_help_record(context)) and record[1]]
    lines = [f"## {path}", "", f"    {path} {' '.join(command.collect_usage_pieces(context))}", "", described, ""]
    if options:
        lines += ["| option | |", "|---|---|"]
        lines += [f"| `{_cell(name)}` | {_cell(' '.join(text.split()))} |" for name, text in options]
        lines.append("")
    lines += ["```sh", examples, "```", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    click.echo(manual(cli.checkout), nl=False)
