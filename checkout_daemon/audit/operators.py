"""Who acts: a person at a terminal, by the system's user and host."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operator:
    """A user of the system, and the machine where they work."""

    user: str
    host: str

    @property
    def actor(self) -> str:
        """As the change log names them."""
        return f"{self.user}@{self.host}"


DAEMON = "checkout-daemon"
"""The actor where it was no person."""


def this_operator() -> Operator:
    """Return who runs this process, as the system has it, not the environment.

    For root behind sudo also who called sudo, as `root (sudo: anna)`: root can set SUDO_UID to anything, so that the
    name in parentheses is root's claim.
    """
    try:
        import pwd
    except ImportError:  # no such thing on Windows
        import getpass

        user = getpass.getuser()
    else:

        def name(user_id: int) -> str:
            try:
                return pwd.getpwuid(user_id).pw_name
            except (KeyError, OverflowError):  # a container's user without a name
                return str(user_id)

        user = name(os.getuid())
        claimed = os.environ.get("SUDO_UID", "")
        if os.getuid() == 0 and re.fullmatch(r"[1-9][0-9]{0,9}", claimed, re.ASCII):
            user = f"{user} (sudo: {name(int(claimed))})"
    return Operator(user, socket.gethostname())
