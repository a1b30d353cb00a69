"""Hold back keys that arrive faster than they are handled: several come at once, and people type ahead.

Textual sends a key to whatever has the focus when the key is read, even if the key before it is about to open a dialog
that the rest is meant for: `n` and a note would run one command per letter. So a key waits until the key before it has
been handled completely, its action has opened its dialog, and the screen in front has the data that it acts on: a
screen or dialog reads what it was opened or asked for in a worker of the group READING.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from time import monotonic
from typing import Any

from textual.app import App
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

ACTING = "act"  # the worker group of actions that ask and then act
READING = "read"  # the worker group of what reads the data that the next key acts on
_READING_GROUPS = frozenset({READING, CommandPalette._GATHER_COMMANDS_GROUP})  # the palette's Enter acts on its search
_LONGEST_SECONDS = 2.0  # wait for nothing at Stripe longer than this: the user may want to go elsewhere
_LONGEST_READING_SECONDS = 5.0  # the same for our own database, which seldom takes long
_LEAVING = frozenset({"enter", "up", "down", "tab", "shift+tab"})  # keys that act on what a search found
_LOOK_SECONDS = 0.005
_STALL_SECONDS = 0.1  # count at most this between two looks: in a longer gap nothing ran at all


_READING_REASON = "reading"


class TypeAhead:
    """The queue of held keys of one app."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._held: deque[Key | Paste] = deque()
        self._letting_go: Key | Paste | None = None
        self._releasing = False
        self._on_its_way: tuple[Screen[Any], Key | Paste] | None = None
        self._is_letter = False  # whether that key is typed into an input
        self._waited: dict[Hashable, float] = {}  # reason to wait -> seconds
        self._looked_at = monotonic()

    def holds(self, event: Key | Paste) -> bool:
        """Return whether to hold a key; it is posted again in its turn, or dropped when the app is closing."""
        if self._left:
            return True
        if event is self._letting_go:
            self._letting_go = None
            return False
        if not self._held and self._letting_go is None and not self._busy(event):
            return False
        self._held.append(event)
        if not self._releasing:
            self._releasing = True
            self._app.run_worker(self._release(), group="typing")
        return True

    def follow(self, event: Key | Paste) -> None:
        """Track a key that was passed on, until two messages sent after it have reached the app.

        The first message queues behind the key, the second behind whatever the key made a widget post.
        """
        if self._left:
            return
        screen, focused = self._app.screen, self._app.focused
        self._is_letter = isinstance(focused, Input) and isinstance(event, Key) and event.is_printable
        self._on_its_way = (screen, event)
        origin = focused or screen
        self._behind(origin, lambda: self._behind(origin, partial(self._arrived, event)))

    def _behind(self, node: DOMNode, then: Callable[[], None]) -> None:
        """Call `then` after this node and all its ancestors have handled the messages already queued."""
        if not node.call_later(self._passed, node, then):
            then()

    def _passed(self, node: DOMNode, then: Callable[[], None]) -> None:
        if node.parent is None:
            then()
        else:
            self._behind(node.parent, then)

    def _arrived(self, event: Key | Paste) -> None:
        if self._on_its_way is not None and self._on_its_way[1] is event:
            self._on_its_way = None
            self._let_go()

    async def _release(self) -> None:
        try:
            while self._held and not self._left:
                self._let_go()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._releasing = False

    def _let_go(self) -> None:
        if self._held and not self._left and self._letting_go is None and not self._busy(self._held[0]):
            self._letting_go = self._held.popleft()
            self._app.post_message(self._letting_go)

    @property
    def _left(self) -> bool:
        """Whether the app is closing and no screen is left to take a key."""
        return not self._app.screen_stack

    def _busy(self, event: Key | Paste) -> bool:
        now = monotonic()
        passed, self._looked_at = min(now - self._looked_at, _STALL_SECONDS), now
        self._waited = {
            reason: self._waited[reason] + passed if reason in self._waited else 0.0 for reason in self._reasons(event)
        }
        return any(
            waited < (_LONGEST_READING_SECONDS if reason == _READING_REASON else _LONGEST_SECONDS)
            for reason, waited in self._waited.items()
        )

    def _reasons(self, event: Key | Paste) -> Iterator[Hashable]:
        """Yield the reasons why a key has to wait."""
        screen, focused = self._app.screen, self._app.focused
        typing = isinstance(focused, Input) and not (isinstance(event, Key) and event.key in _LEAVING)
        # A letter ends in the input, so the next one may follow at once.
        if self._on_its_way is not None and self._on_its_way[0] is screen and not (typing and self._is_letter):
            yield ("on its way", self._on_its_way[1])
        if not screen.is_mounted or (focused is None and screen.focus_chain):
            yield ("opening", screen)
        if not typing and any(
            worker.group in _READING_GROUPS and worker.node is screen and not worker.is_finished
            for worker in self._app.workers
        ):
            yield _READING_REASON
        if not isinstance(screen, ModalScreen):
            acts = frozenset(
                worker for worker in self._app.workers if worker.group == ACTING and not worker.is_finished
            )
            if acts:
                yield ("acting", screen, acts)
