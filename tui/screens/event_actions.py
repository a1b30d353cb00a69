"""The operator actions on an event, from the inbox or from its payload."""

from __future__ import annotations

from textual import work

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.events.replaying import replay
from checkout_daemon.stripe_cli.event_resending import resend
from checkout_daemon.stripe_cli.program import open_stripe_cli
from tui.actions import Action, command_line
from tui.screens.acting import ActingScreen
from tui.typeahead import ACTING

_RESEND_SECONDS = 30.0

EVENT_ACTIONS = (
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
        event_id = self.event_under_cursor
        if event_id is not None:
            async with self.doing(command_line("events", "replay", event_id)):
                self.report(await replay(self.app_context.database, event_id, operator=this_operator()))

    @work(group=ACTING)
    async def action_resend(self) -> None:
        event_id = self.event_under_cursor
        if event_id is not None:
            async with self.doing(command_line("events", "resend", event_id)):
                self.done(f"Asking Stripe to resend {event_id} …")
                runtime = self.app_context.runtime
                with open_stripe_cli(runtime.settings) as cli:
                    end = await resend(runtime, cli, event_id, timeout_seconds=_RESEND_SECONDS)
                self.done(f"{end.type} {end.summary}")
