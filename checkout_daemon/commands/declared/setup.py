"""`checkout doctor` and `checkout completion`."""

from __future__ import annotations

import click

from checkout_daemon.commands.declared.options import json_option
from checkout_daemon.commands.declared.typed import OneOf


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Check the set-up, name what mends each fault.

    Exit code 1 if anything is wrong.

    \b
    Example:
      checkout doctor
    """
    from checkout_daemon.commands.doctor import doctor

    return doctor(as_json=as_json)


@click.command()
@click.argument("shell", type=OneOf(["bash", "zsh", "fish"]))
@json_option
def completion(shell: str, as_json: bool) -> int:
    """Print the script that completes commands in a shell.

    \b
    Example:
      checkout completion bash >> ~/.bashrc
    """
    from checkout_daemon.commands.completion import completion

    return completion(click.get_current_context().find_root().command, shell, as_json=as_json)
