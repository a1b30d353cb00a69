"""Hold back keys that arrive faster than they are handled: several come at once, and people type ahead.

Textual sends a key to whatever has the focus when the key is read, even if the key before it is about to open a dialog
that the rest is meant for: `n` and a note would run one command per letter. So a key waits until the key before it has
been handled completely, its action has opened its dialog, and the screen in front has the data that it acts on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

ACTING = "act"  # the worker group of actions that ask and then act
_LONGEST_SECONDS = 2.0  # wait for nothing longer than this: the user may want to go elsewhere
_LOOK_SECONDS = 0.005
_STALL_SECONDS = 0.1  # count at most this between two looks: in a longer gap nothing ran at all


@runtime_checkable
class Settles(Protocol):
    """A screen whose content must be read first."""

    @property
    def settled(self) -> bool: ...


class TypeAhead:
    """The queue of held keys of one app."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._held: deque[Key | Paste] = deque()
        self._letting_go: Key | Paste | None = None
        self._releasing = False
        self._on_its_way: tuple[Screen[Any], Key | Paste] | None = None
        self._waited: dict[Hashable, float] = {}  # reason to wait -> seconds
        self._looked_at = monotonic()

    def holds(self, event: Key | Paste) -> bool:
        """Return whether to hold a key; it is posted again in its turn, or dropped when the app is closing."""
        if event is self._letting_go:
            self._letting_go = None
            return False
        if self._left:
            return True
        if not self._held and self._letting_go is None and not self._busy():
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
        if isinstance(focused, Input) and isinstance(event, Key) and event.is_printable:
            return  # a letter ends in the input
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
        if self._held and not self._left and self._letting_go is None and not self._busy():
            self._letting_go = self._held.popleft()
            self._app.post_message(self._letting_go)

    @property
    def _left(self) -> bool:
        """Whether the app is closing and no screen is left to take a key."""
        return not self._app.screen_stack

    def _busy(self) -> bool:
        now = monotonic()
        passed, self._looked_at = min(now - self._looked_at, _STALL_SECONDS), now
        self._waited = {
            reason: self._waited[reason] + passed if reason in self._waited else 0.0 for reason in self._reasons()
        }
        return any(waited < _LONGEST_SECONDS for waited in self._waited.values())

    def _reasons(self) -> Iterator[Hashable]:
        """Yield the reasons why the next key has to wait."""
        screen, focused = self._app.screen, self._app.focused
        if self._on_its_way is not None and self._on_its_way[0] is screen:
            yield ("on its way", self._on_its_way[1])
        if not screen.is_mounted or (focused is None and screen.focus_chain):
            yield ("opening", screen)
        if isinstance(screen, Settles) and not screen.settled and not isinstance(focused, Input):
            yield ("reading", screen)
        if not isinstance(screen, ModalScreen):
            acts = frozenset(
                worker for worker in self._app.workers if worker.group == ACTING and not worker.is_finished
            )
            if acts:
                yield ("acting", screen, acts)
