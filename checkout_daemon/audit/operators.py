"""The operator who acts: the operating system's user and the host."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass

from checkout_daemon.settings import read_setting


@dataclass(frozen=True, slots=True)
class Operator:
    """A user of the operating system, and the host they work on. `batch`: the batch that acts for them, if one does."""

    user: str
    host: str
    batch: int | None = None

    @property
    def actor(self) -> str:
        """Return the operator as the change log names them."""
        return f"{self.user}@{self.host}"

    @property
    def os_user(self) -> str:
        """Return the system's user: `anna` for `anna` and `root (sudo: anna)`, whatever else they claim."""
        return _SUDO.sub(r"\1", self.user.partition(" (as ")[0])

    @property
    def name(self) -> str:
        """Return the name that the user goes by: `anna` for `anna`, `root (sudo: anna)` and `deploy (as anna)`."""
        claim = _CLAIM.search(self.user)
        return claim[1] if claim else self.user


_SUDO = re.compile(r"root \(sudo: ([^()]+)\)")
_CLAIM = re.compile(r"\((?:as|sudo:) ([^()]+)\)$")


DAEMON = "checkout-daemon"
"""The actor of what no person did."""

_known_as: str | None = None


def act_as(name: str | None) -> None:
    """Have `this_operator` return the operator with this name from now on, or the user of the system again."""
    global _known_as
    _known_as = name


def this_operator() -> Operator:
    """Return the user who runs this process, according to the operating system, not the environment.

    For root under sudo it is `root (sudo: anna)`, and with CHECKOUT_OPERATOR or `--as` `deploy (as anna)`. A name in
    parentheses is only a claim. Once the process is recognized as a registered operator, it is their name.
    """
    if _known_as is not None:
        return Operator(_known_as, socket.gethostname())
    try:
        import pwd
    except ImportError:  # Windows
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
    if claim := read_setting("CHECKOUT_OPERATOR"):
        user = f"{user} (as {claim})"
    # A user who happens to have the daemon's name is not the daemon.
    return Operator(f"{user} (user)" if user == DAEMON else user, socket.gethostname())
