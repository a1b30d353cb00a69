"""What commands about events and about messages do alike: choose them by name or by filters, and dismiss dead ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.asking import confirm
from checkout_daemon.commands.output import answer, print_json_lines, say, say_dry_run
from checkout_daemon.commands.running import with_database
from checkout_daemon.present.text import counted, not_dead_any_more

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.settings import Settings


def check_choice(named: Sequence[str], options: object, noun: str, selects: object, ways: str) -> None:
    """Raise UsageError unless some are named, or options select them: `selects` is what those must have."""
    if named and options:
        raise click.UsageError(f"name {noun}s or filter them, not both")
    if not named and not selects:
        raise click.UsageError(f"name {noun}s, or select them with {ways}, such as --status dead")


@dataclass(frozen=True, slots=True)
class DeadKind:
    """How dead events or messages are found, described, checked and dismissed. `find` gets only dead ones."""

    noun: str
    find: Callable[[Database, Settings], Awaitable[Sequence[Any]]]
    errors: Callable[[Sequence[Any]], Iterable[str]]
    about: Callable[[Database, Sequence[Any]], Awaitable[str]]
    check: Callable[[Database, Sequence[str]], Awaitable[Sequence[Any]]]
    dismiss: Callable[..., Awaitable[Sequence[Any]]]

    def run(self, named: Sequence[str], note: str, *, dry_run: bool, yes: bool, as_json: bool) -> int:
        """Dismiss those that are named, or else all that are found, after a question. Return the exit code."""
        from checkout_daemon.audit.operators import this_operator

        async def work(database: Database, settings: Settings) -> int:
            if named:
                chosen = tuple(one.id for one in await self.check(database, named))
            else:
                found = await self.find(database, settings)
                if not found:
                    say(f"No dead {self.noun} matches: there is nothing to dismiss.")
                    return 0
                for line in self.errors(found):
                    say(line)
                if not dry_run:
                    about = await self.about(database, found)
                    confirm(f"Dismiss {counted(len(found), f'dead {self.noun}')}{about}?", yes=yes)
                chosen = tuple(one.id for one in found)
            if dry_run:
                say_dry_run({f"{self.noun}_ids": chosen}, as_json=as_json)
                return 0
            done = await self.dismiss(database, chosen, operator=this_operator(), note=note)
            if as_json:
                print_json_lines(done)
            else:
                answer("\n".join(f"{one.id}  dismissed" for one in done))
            say(f"{counted(len(done), self.noun)} dismissed{not_dead_any_more(len(chosen) - len(done))}.")
            return 0

        return with_database(work)
