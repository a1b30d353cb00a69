"""Who acts: a person at a terminal, by the system's user and host."""

from __future__ import annotations

import os
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
    """Who runs this process. Asked of the system, not of the environment; behind sudo, who called it."""
    try:
        import pwd
    except ImportError:  # no such thing on Windows
        import getpass

        user = getpass.getuser()
    else:
        user_id = os.getuid()
        if user_id == 0 and os.environ.get("SUDO_UID", "").isdigit():  # only root can have set it
            user_id = int(os.environ["SUDO_UID"])
        try:
            user = pwd.getpwuid(user_id).pw_name
        except KeyError:  # a container's user without a name
            user = str(user_id)
    return Operator(user, socket.gethostname())
