"""Operator actions on screens: confirming, running and reporting one, and the two on an event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

from textual import work

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable
from checkout_daemon.events.dismissing import dismiss_events
from checkout_daemon.events.replaying import ReplayedEvent, replay
from checkout_daemon.stripe_cli.event_resending import resend
from checkout_daemon.stripe_cli.program import open_stripe_cli

from ..actions import Action, command_line
from ..context import AppContext
from ..failures import named_failures
from ..latest import Latest
from ..typeahead import ACTING, READING
from .base import BaseScreen
from .dialogs import Ask, Choose

_LOOK_SECONDS = 2.0  # for what sends no notification: events that change no order, mails, notes
_RESEND_SECONDS = 30.0

T = TypeVar("T")


class ActingScreen(BaseScreen):
    """A screen that changes something."""

    _command_before = ""

    @asynccontextmanager
    async def doing(self, command: str) -> AsyncIterator[None]:
        """Run an action: show its command, report a CheckoutError, and reload the screen.

        It comes to its end, and is reported, also if the screen is left. What it asks after that counts as dismissed.
        """
        self._command_before = self.command
        self.show_command(command)
        with self.to_its_end():
            try:
                with named_failures():
                    yield
            except CheckoutError as error:
                self.failed(error.detail)
        await self.app_context.reads.await_changes()
        if not self.gone:
            await self.reload()

    async def attempt(self, reading: Awaitable[T]) -> T | None:
        """Return what an action reads before it asks, or None after reporting a CheckoutError."""
        try:
            with named_failures():
                return await reading
        except CheckoutError as error:
            self.failed(error.detail)
            return None

    def canceled(self) -> None:
        """Show the command from before the action: the user answered none of its questions."""
        self.show_command(self._command_before)

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
        return await self.ask(Choose(title, answers, question=question)) == "yes"


class DetailScreen(ActingScreen):
    """A screen about one object. It reads the object again now and then, and closes if that fails for good."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._reads = Latest[None](lambda _: self.read())

    def on_mount(self) -> None:
        self.look_every(_LOOK_SECONDS, self._look)
        self.load()

    @work(group="look")
    async def _look(self) -> None:
        await self._read_now()

    @work(group=READING)
    async def load(self) -> None:
        """Read the object and show it."""
        await self._read_now()

    async def _read_now(self) -> None:
        try:
            with named_failures():
                await self._reads.ask(None)
        except DatabaseUnavailable:
            return  # reload() follows once the database is back
        except CheckoutError as error:
            if self.is_active:  # a second read may fail as well, and dismissing closes whatever is in front
                self.notify(error.detail, severity="error", markup=False)
                self.dismiss()

    async def read(self) -> None:
        """Read the object and show it, unless the screen is gone by then."""
        raise NotImplementedError

    async def reload(self) -> None:
        self.load()


EVENT_ACTIONS = (
    Action("X", "dismiss_event", "Dismiss the event, if it is dead", "events dismiss EVENT --note TEXT", writes=True),
    Action("y", "replay", "Replay: apply the event again as received", "events replay EVENT", "Replay", writes=True),
    Action("r", "resend", "Have Stripe resend the event", "events resend EVENT", "Resend", writes=True),
)


class EventActions(ActingScreen):
    """A screen with a current event."""

    @property
    def event_under_cursor(self) -> str | None:
        """The id of the event to act on."""
        raise NotImplementedError

    @work(group=ACTING)
    async def action_replay(self) -> None:
        await self.replay_one()

    async def replay_one(self) -> None:
        """Replay the current event."""
        event_id = self.event_under_cursor
        if event_id is not None:
            async with self.doing(command_line("events", "replay", event_id)):
                self.report(await replay(self.app_context.database, event_id, operator=this_operator()))

    @work(group=ACTING)
    async def action_dismiss_event(self) -> None:
        await self.dismiss_one()

    async def dismiss_one(self) -> None:
        """Dismiss the current event, after asking why."""
        event_id = self.event_under_cursor
        if event_id is None:
            return
        note = await self.app.push_screen_wait(Ask("Dismiss", f"Why will nothing fix {event_id}?"))
        if note is not None:
            async with self.doing(command_line("events", "dismiss", event_id, "--note", note)):
                await dismiss_events(self.app_context.database, [event_id], operator=this_operator(), note=note)
                self.done(f"{event_id} dismissed: no alarm counts it any more.")

    @work(group=ACTING)
    async def action_resend(self) -> None:
        event_id = self.event_under_cursor
        if event_id is not None:
            async with self.doing(command_line("events", "resend", event_id)):
                self.done(f"Asking Stripe to resend {event_id} …")
                runtime = self.app_context.runtime
                with open_stripe_cli(runtime.settings) as cli:
                    outcome = await resend(runtime, cli, event_id, timeout_seconds=_RESEND_SECONDS)
                self.done(f"{outcome.type} {outcome.summary}")
