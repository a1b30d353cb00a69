"""What screens with operator actions share: confirming, running and reporting an action."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from checkout_daemon.errors import CheckoutError
from checkout_daemon.events.replaying import ReplayedEvent
from tui.screens.base import BaseScreen
from tui.screens.dialogs import Choose


class ActingScreen(BaseScreen):
    """A screen that changes something."""

    @asynccontextmanager
    async def doing(self, command: str) -> AsyncIterator[None]:
        """Run an action: show its command, report a CheckoutError, and reload the screen."""
        self.say_command(command)
        try:
            yield
        except CheckoutError as error:
            self.failed(error.detail)
        if not self.gone:
            await self.reload()

    def done(self, text: str) -> None:
        self.notify(text, timeout=5, markup=False)

    def failed(self, text: str) -> None:
        self.notify(text, title="Not done", severity="error", timeout=10, markup=False)

    def report(self, replayed: ReplayedEvent) -> None:
        """Show the outcome of a replayed event."""
        text = f"{replayed.outcome.type} {replayed.outcome.summary}"
        if replayed.ok:
            self.done(text)
        else:
            self.failed(text)

    async def confirm(self, title: str, question: str, *, yes: str = "Yes") -> bool:
        """Ask for confirmation, with No preselected."""
        answers = [("", "No"), ("yes", yes)]
        return await self.app.push_screen_wait(Choose(title, answers, question=question)) == "yes"
