"""Replays events in sequence, shows the progress, and stops at the first that fails again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError
from checkout_daemon.events.replaying import ReplayedEvent, replay_many
from checkout_daemon.present.text import counted, plain

from ..failures import named_failures
from ..texts import fit
from .dialogs import Dialog

_SHOWN = 8
_BAR = 30


class ReplayRun(Dialog[int]):
    """Returns how many were applied. Stopping early finishes the current transaction and starts no other."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "leave", "Stop, or close")]

    HINT = "Esc stops"

    def __init__(self, database: Database, event_ids: Sequence[str]) -> None:
        super().__init__(f"Replay of {counted(len(event_ids), 'event')}")
        self._database = database
        self._event_ids = event_ids
        self._replayed: list[ReplayedEvent] = []
        self._stopping = False
        self._over = False

    def body(self) -> ComposeResult:
        for name in ("progress", "outcomes", "summary"):
            yield Static(id=name, markup=False)

    def on_mount(self) -> None:
        self._show("")
        self._replay()

    @property
    def applied(self) -> int:
        """How many events did not fail again."""
        return sum(replayed.ok for replayed in self._replayed)

    @work(group="replay")
    async def _replay(self) -> None:
        summary = ""
        try:
            replays = replay_many(self._database, self._event_ids, operator=this_operator())
            with named_failures():
                async with aclosing(replays) as outcomes:
                    async for batch in outcomes:
                        self._replayed += batch
                        self._show("")
                        if self._stopping:
                            break
        except CheckoutError as error:
            summary = f"Stopped: {error.detail}"
        self._over = True
        left = len(self._event_ids) - len(self._replayed)
        if self._replayed and not self._replayed[-1].ok:
            summary = f"{self._replayed[-1].outcome.id} failed again" + (f": {_not_tried(left)}." if left else ".")
        elif not summary:
            summary = f"{self.applied} applied again." + (f" Stopped: {_not_tried(left)}." if left else "")
        self._show(summary)
        self.query_one(Vertical).border_subtitle = "Esc closes"

    def _show(self, summary: str) -> None:
        done, total = len(self._replayed), max(len(self._event_ids), 1)
        filled = _BAR * done // total
        self.query_one("#progress", Static).update(f"{'█' * filled}{'░' * (_BAR - filled)}  {done} of {total}")
        width = max(self.query_one("#outcomes").size.width, 40)
        lines = [
            f"{'✓' if replayed.ok else '✗'} {replayed.outcome.id} {plain(replayed.outcome.summary)}"
            for replayed in self._replayed[-_SHOWN:]
        ]
        self.query_one("#outcomes", Static).update("\n".join(fit(line, width) for line in lines))
        self.query_one("#summary", Static).update(Text(summary, "bold"))

    def action_leave(self) -> None:
        if self._over:
            self.dismiss(self.applied)
        self._stopping = True


def _not_tried(left: int) -> str:
    return "the other one was not tried" if left == 1 else f"the other {left} were not tried"
