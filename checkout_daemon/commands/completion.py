"""`checkout completion`: the script that completes commands in a shell."""

from __future__ import annotations

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import json_option
from checkout_daemon.commands.typed import OneOf

# Bash splits words at colons, and puts a blank after what it completed: a key such as status: needs neither.
_NO_BLANK = "    [[ ${COMPREPLY[0]-} == *: ]] && compopt -o nospace\n\n    return 0\n"
_NO_SPLIT = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:}\n"


@click.command(cls=Command)
@click.argument("shell", type=OneOf(("bash", "zsh", "fish")))
@json_option
@click.pass_context
def completion(context: click.Context, shell: str, as_json: bool) -> int:
    """Print the script that completes commands in a shell.

    Example:
      checkout completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    from checkout_daemon.commands.output import print_result

    script = get_completion_class(shell)
    assert script is not None
    source = script(context.find_root().command, {}, "checkout", "_CHECKOUT_COMPLETE").source()
    if shell == "bash":
        source = source.replace("    return 0\n", _NO_BLANK) + _NO_SPLIT
    print_result({"shell": shell, "script": source}, source, as_json=as_json)
    return 0
