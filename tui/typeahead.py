"""Keys that come faster than they are dealt with: over a slow line several arrive at once, and some type ahead.

Textual gives a key to whatever has the focus when it is read, though the key before it may be about to open a box that
the rest was meant for: `n` and a note would be one command for each letter of it. So a key waits until the one before
it has gone all its way, what that began has opened its box, and what is in front has what it acts on.
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

ACTING = "act"  # the group of the workers that ask for something, and do it
_LONGEST_SECONDS = 2.0  # a key waits for nothing longer than this: what takes longer is slow, and one may go elsewhere
_LOOK_SECONDS = 0.005
_STALL_SECONDS = 0.1  # between two looks: more was not waited for anything, nothing ran at all


@runtime_checkable
class Settles(Protocol):
    """A screen that shows something only after it was read."""

    @property
    def settled(self) -> bool: ...


class TypeAhead:
    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._held: deque[Key | Paste] = deque()
        self._letting_go: Key | Paste | None = None
        self._releasing = False
        self._on_its_way: tuple[Screen[Any], Key | Paste] | None = None
        self._waited: dict[Hashable, float] = {}  # seconds, for each reason that there is
        self._looked_at = monotonic()

    def holds(self, event: Key | Paste) -> bool:
        """Whether it has to wait, and is posted again when its turn comes; or is for nobody any more."""
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
        """It was given to what has the focus: it is on its way until messages sent after it have reached the app.

        Two, one after the other: the first is behind the key, the second behind what the key had a widget say.
        """
        if self._left:
            return
        screen, focused = self._app.screen, self._app.focused
        if isinstance(focused, Input) and isinstance(event, Key) and event.is_printable:
            return  # a letter goes no further
        self._on_its_way = (screen, event)
        origin = focused or screen
        self._behind(origin, lambda: self._behind(origin, partial(self._arrived, event)))

    def _behind(self, node: DOMNode, then: Callable[[], None]) -> None:
        """Once this and all above it have dealt with what they were sent before."""
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
        """Whether the terminal is being left: no screen is there any more that a key could be for."""
        return not self._app.screen_stack

    def _busy(self) -> bool:
        now = monotonic()
        passed, self._looked_at = min(now - self._looked_at, _STALL_SECONDS), now
        self._waited = {
            reason: self._waited[reason] + passed if reason in self._waited else 0.0 for reason in self._reasons()
        }
        return any(waited < _LONGEST_SECONDS for waited in self._waited.values())

    def _reasons(self) -> Iterator[Hashable]:
        """What the next key would have to wait for."""
        screen, focused = self._app.screen, self._app.focused
        if self._on_its_way is not None and self._on_its_way[0] is screen:
            yield ("on its way", self._on_its_way[1])
        if not screen.is_mounted or (focused is None and screen.focus_chain):
            yield ("opening", screen)
        if isinstance(screen, Settles) and not screen.settled and not isinstance(focused, Input):
            yield ("reading", screen)
        if not isinstance(screen, ModalScreen):
            acts = frozenset(each for each in self._app.workers if each.group == ACTING and not each.is_finished)
            if acts:
                yield ("acting", screen, acts)
