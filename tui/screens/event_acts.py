"""What an operator can do about an event, from the inbox or from its payload."""

from __future__ import annotations

from textual import work

from tui.actions import Action, command_line
from tui.screens.acting import ActingScreen
from tui.shop import outcome_words
from tui.typeahead import ACTING

EVENT_ACTIONS = (
    Action("y", "replay", "Apply it again, as it was received", "events replay EVENT", "Replay", writes=True),
    Action("r", "resend", "Have Stripe send it again", "events resend EVENT", "Resend", writes=True),
)


class EventActs(ActingScreen):
    @property
    def event_under_cursor(self) -> str | None:
        """The id of the event that is meant."""
        raise NotImplementedError

    @work(group=ACTING)
    async def action_replay(self) -> None:
        event_id = self.event_under_cursor
        if event_id is not None:
            async with self.doing(command_line("events", "replay", event_id)):
                self.told(await self.desk.data.shop.replay(event_id))

    @work(group=ACTING)
    async def action_resend(self) -> None:
        event_id = self.event_under_cursor
        if event_id is not None:
            async with self.doing(command_line("events", "resend", event_id)):
                self.done(f"Asking Stripe to send {event_id} again …")
                end = await self.desk.data.shop.resend_event(event_id)
                self.done(f"{end.type} {outcome_words(end)}")
