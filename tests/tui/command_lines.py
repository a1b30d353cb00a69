"""Check that a command line shown by the terminal can be run."""

from __future__ import annotations

import shlex

import click

from cli import checkout


def fault_of(line: str) -> str | None:
    """Return what is wrong with a command line, without `checkout`; its arguments may be placeholders."""
    command: click.Command = checkout
    words = shlex.split(line)
    while isinstance(command, click.Group):
        name = words.pop(0) if words else ""
        if name not in command.commands:
            return f"{command.name} has no {name!r}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in words if word.startswith("--") and word not in known]
    return f"{command.name} has no {unknown}" if unknown else None
