"""What those who watch are told of the way to the database."""

from __future__ import annotations

from checkout_daemon.commands.output import say
from checkout_daemon.services.watching import Lost, Trouble


def say_trouble(trouble: Trouble) -> None:
    if isinstance(trouble, Lost):
        say(f"{trouble.reason}; trying again …")
    else:
        say("The database answers again; nothing was missed.")
