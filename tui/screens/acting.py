"""What screens that do something share: how an act is asked for and told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from checkout_daemon.errors import CheckoutError
from checkout_daemon.services.event_ends import outcome_words
from checkout_daemon.services.replaying import Replayed
from tui.screens.base import BaseScreen
from tui.screens.dialogs import Choose


class ActingScreen(BaseScreen):
    @asynccontextmanager
    async def doing(self, command: str) -> AsyncIterator[None]:
        """Say the command that does the same; what goes wrong is said too, and nothing more comes of it."""
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

    def told(self, replayed: Replayed) -> None:
        """What came of an event that was applied again."""
        text = f"{replayed.end.type} {outcome_words(replayed.end)}"
        if replayed.ok:
            self.done(text)
        else:
            self.failed(text)

    async def sure(self, title: str, question: str, *, yes: str = "Yes") -> bool:
        """Whether somebody said so; what is proposed is No."""
        answers = [("", "No"), ("yes", yes)]
        return await self.app.push_screen_wait(Choose(title, answers, question=question)) == "yes"
