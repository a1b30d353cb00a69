"""The first line: the screen's name, what needs attention, live or test mode, and whether everything is alive."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from rich.text import Text

from checkout_daemon.database.reading import WORTH_SHOWING_SECONDS
from checkout_daemon.present.times import span

from ..context import AppContext
from .line import Line

_BAR, _NARROW_BAR = " │ ", "  "


class TopLine(Line):
    """Coloured over its whole width in live mode. Where there is no room, it shortens all but the trouble."""

    def __init__(self, context: AppContext, place: str) -> None:
        super().__init__()
        self.app_context = context
        self.place = place
        self.counts = True  # whether it counts what needs attention; a screen may do so itself
        self.paused = False
        self.waiting = 0

    def on_mount(self) -> None:
        self.set_class(self.app_context.livemode, "-live")
        self.set_interval(1, self._tick)
        self.redraw()

    def _tick(self) -> None:
        if self.screen.is_current:
            self.redraw()

    def redraw(self) -> None:
        width = self.size.width
        for compose in (self._with_clock, self._without_clock, self._without_name, self._short):
            left, right = compose()
            room = width - left.cell_len - right.cell_len - 1
            if room > 0:
                break
        self.show_text(Text.assemble(left, " " * max(room, 1), right, " ", no_wrap=True, overflow="crop"))

    def _with_clock(self) -> tuple[Text, Text]:
        now = datetime.now(ZoneInfo(self.app_context.time_zone))
        return self._left(), _joined([*self._modes(), *self._alive(), Text(f"{now:%H:%M:%S %Z}")], _BAR)

    def _without_clock(self) -> tuple[Text, Text]:
        return self._left(), _joined([*self._modes(), *self._alive()], _BAR)

    def _without_name(self) -> tuple[Text, Text]:
        return self._left(name=False), _joined([*self._modes(), *self._alive(hale=False)], _NARROW_BAR)

    def _short(self) -> tuple[Text, Text]:
        modes = [Text("LIVE", "bold")] if self.app_context.livemode else []
        return self._left(name=False), _joined([*modes, *self._alive(hale=False)], " ")

    def _left(self, *, name: bool = True) -> Text:
        text = Text.assemble((" checkout ", "bold") if name else "", " ", self.place)
        trouble = self.app_context.trouble
        if trouble is None or not self.counts:
            return text
        return text.append("   " if name else " ").append_text(
            Text("  ").join(Text(f"! {count} {what}", self._alarm()) for count, what in trouble.counts if count)
        )

    def _alarm(self) -> str:
        return "bold" if self.app_context.livemode else f"bold {self.colour('error')}"

    def _modes(self) -> list[Text]:
        context = self.app_context
        states = [Text("LIVE MODE: real money", "bold") if context.livemode else Text("test mode")]
        states += [Text("read-only")] if context.read_only else []
        return states + ([Text("masked")] if context.masked else [])

    def _alive(self, *, hale: bool = True) -> list[Text]:
        """Return the state of the database, a daemon and Stripe; without `hale` only those in trouble and the first."""
        context, pulse = self.app_context, self.app_context.pulse
        if context.lost_at is not None:
            return [Text("○ no database", "bold")]
        if self.paused:
            found = Text(f"‖ paused, {self.waiting} waiting" if self.waiting else "‖ paused", "bold")
        else:
            found = Text("● following")
        states = [found]
        if (behind := context.reads.behind_seconds or 0.0) > WORTH_SHOWING_SECONDS:
            states.append(Text(f"standby {behind:.0f} s behind", "bold"))
        elif context.reads.trouble is not None:
            states.append(Text("standby not used"))
        if pulse is None:
            return states
        if pulse.daemon_seconds is None:
            states.append(Text("▲ no daemon", self._alarm()))
        elif pulse.daemon_silent:
            states.append(Text(f"▲ daemon silent {span(pulse.daemon_seconds)}", self._alarm()))
        elif hale:
            found.append(" ● daemon")
        if pulse.stripe_silent:
            states.append(Text(f"▲ Stripe silent {span(pulse.stripe_seconds)}", self._alarm()))
        elif hale and not pulse.daemon_silent:
            found.append(" ● Stripe")
        if pulse.undelivered:
            states.append(Text(f"▲ {pulse.undelivered} undelivered", self._alarm()))
        return states if hale or self.paused else states[1:] or states


def _joined(states: list[Text], bar: str) -> Text:
    return Text(bar).join(states)
