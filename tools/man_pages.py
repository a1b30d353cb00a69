"""Write the man pages of the commands from their help, for the wheel: `python -m tools.man_pages FOLDER`.

`man checkout-orders-list` is the page of `checkout orders list`, as git does it. They are of the version that is built,
so they are not kept in the repository.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import cli
from checkout_daemon import __version__
from tools.exit_codes import MEANINGS, exit_codes
from tools.manual import help_parts

_SEE_ALSO = "The whole manual, with what is common to all commands: docs/CLI.md"


def pages(program: click.Group) -> dict[str, str]:
    """Return the pages by their file names: one for each command and each group."""
    return {f"{name.replace(' ', '-')}.1": _page(name, command) for name, command in _commands(program, "checkout")}


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for part in sorted(command.commands):
            yield from _commands(command.commands[part], f"{name} {part}")


def _page(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    description, examples = help_parts(command)
    lines = [
        f'.TH "{name.replace(" ", "-").upper()}" 1 "" "checkout-daemon {__version__}"',
        ".SH NAME",
        _text(f"{name.replace(' ', '-')} - {command.get_short_help_str(100)}"),
        ".SH SYNOPSIS",
        f".B {_text(name)}",
        _text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_paragraphs(description),
    ]
    records = [parameter.get_help_record(context) for parameter in command.params]
    if options := [record for record in records if record and record[1]]:
        lines.append(".SH OPTIONS")
        for option, text in options:
            lines += [".TP", f".B {_text(option)}", _text(text)]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for part in sorted(command.commands):
            lines += [".TP", f".B {_text(f'{name} {part}')}", _text(command.commands[part].get_short_help_str(100))]
    else:
        lines.append(".SH EXIT STATUS")
        for code in exit_codes(name.removeprefix("checkout "), command):
            lines += [".TP", f".B {code}", _text(MEANINGS[code])]
    if examples:
        lines += [".SH EXAMPLES", ".nf", *map(_text, examples.splitlines()), ".fi"]
    return "\n".join([*lines, ".SH SEE ALSO", _text(_SEE_ALSO), ""])


def _paragraphs(text: str) -> Iterator[str]:
    for place, paragraph in enumerate(text.split("\n\n")):
        if place:
            yield ".PP"
        yield _text(paragraph)


def _text(text: str) -> str:
    """Return text on one line that roff takes for nothing else."""
    escaped = re.sub(r"\s+", " ", text.replace("\b", "")).strip().replace("\\", "\\e").replace("-", "\\-")
    escaped = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", escaped)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main() -> None:
    """Write every page into the folder of the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages(cli.checkout).items():
        (folder / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
