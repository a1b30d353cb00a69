"""The exit codes of each command, for the man pages and for docs/CLI.md."""

from __future__ import annotations

from collections.abc import Mapping

import click

MEANINGS: Mapping[int, str] = {
    0: "success",
    1: "failure; for commands that check or compare: a fault or a difference was found",
    2: "wrong usage, or a missing confirmation: destructive commands ask on a terminal and need `--yes` off one",
    3: "the order, dispute, event, session or message does not exist",
    4: "refused because of the state of the order or of another object, or because the database accepts no writes",
    5: "the database or Stripe is not reachable",
    130: "interrupted with Ctrl-C",
    143: "ended by SIGTERM, as `kill` sends it",
}

_OF_EVERY = (0, 1, 2, 130, 143)
_ALONE = ("completion", "sandbox")
"""They use neither the database nor Stripe."""
_NAMING = {
    "dispute",
    "order",
    "orders",
    "event",
    "events",
    "message",
    "messages",
    "session",
    "number",
    "after",
    "names",
    "words",
}
"""Arguments and options that name an object which may not exist."""
_REFUSED = {
    "batches stop",
    "disputes evidence",
    "db backup",
    "db init",
    "db migrate",
    "db move",
    "db roles",
    "dev",
    "serve",
}
"""They write to the database, or need a right on all of it, without an option that tells so."""
_WRITING = {"--dry-run", "--yes", "--note", "--apply"}


def exit_codes(path: str, command: click.Command) -> list[int]:
    """Return the exit codes that can occur. `path` is the command's name without `checkout`."""
    codes = set(_OF_EVERY)
    if path in _ALONE:
        return sorted(codes)
    options = {option for parameter in command.params for option in parameter.opts}
    if _NAMING & {parameter.name for parameter in command.params}:
        codes.add(3)
    if _WRITING & options or path in _REFUSED:
        codes.add(4)
    if path != "settings":
        codes.add(5)
    return sorted(codes)
