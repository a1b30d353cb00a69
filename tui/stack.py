"""The screens of the app that lie on one another: the way back. Textual only pushes and pops the top one."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.events import ScreenResume, ScreenSuspend

from .screens.base import BaseScreen


class ScreenStack:
    """The screens of one app, the one in front last. Dialogs are not counted."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app

    def open_screens(self) -> list[BaseScreen]:
        return [screen for screen in self._app.screen_stack if isinstance(screen, BaseScreen)]

    def push(self, screen: BaseScreen) -> None:
        self._drop_failures()
        self._app.push_screen(screen)

    def raise_to_front(self, screen: BaseScreen) -> None:
        """Bring a screen from below to the front, as it is. Those above it come down by one."""
        self._drop_failures()
        screens = self._app._screen_stack
        front = screens[-1]
        screens.remove(screen)
        screens.append(screen)
        front.post_message(ScreenSuspend())
        screen.post_message(ScreenResume())
        self._app.screen_change_signal.publish(screen)

    def close(self, screen: BaseScreen) -> None:
        """Remove a screen from below."""
        self._app._screen_stack.remove(screen)
        screen._pop_result_callback()
        screen.remove()

    def _drop_failures(self) -> None:
        """Take away the boxes about what failed on the screen that is covered now: they would cover the next one."""
        for notification in list(self._app._notifications):
            if notification.severity == "error":
                self._app._unnotify(notification)
