"""`checkout completion`: the script that makes a shell complete our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from checkout_daemon.commands.output import answer, print_json


def completion(program: click.Command, shell: str, *, as_json: bool) -> int:
    script = get_completion_class(shell)
    assert script is not None
    source = script(program, {}, "checkout", "_CHECKOUT_COMPLETE").source()
    if as_json:
        print_json({"shell": shell, "script": source})
    else:
        answer(source)
    return 0
