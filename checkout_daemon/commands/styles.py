"""The styles of Rich for the tones of a status, and the words of a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.color import ColorSystem
from rich.style import Style
from rich.text import Text

from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.present import statuses
from checkout_daemon.present.statuses import Subject, Tone
from checkout_daemon.present.text import plain, words

STYLES: Mapping[Tone, str] = {
    Tone.GOOD: "green",
    Tone.BUSY: "cyan",
    Tone.WAITING: "yellow",
    Tone.RETURNED: "magenta",
    Tone.BAD: "red",
    Tone.ALARM: "bold red",
    Tone.MUTED: "dim",
    Tone.NEUTRAL: "",
}


def status_text(subject: Subject, status: str) -> Text:
    """Return a status in words, in the style of its tone."""
    return Text(words(status), style=STYLES[statuses.tone(subject, status)])


def styled(subject: Subject, status: str, text: str) -> str:
    """Return text about a status with the escape sequences of its tone's style; click drops them off a terminal."""
    return Style.parse(STYLES[statuses.tone(subject, status)]).render(text, color_system=ColorSystem.STANDARD)


def attention(codes: Sequence[str]) -> Text:
    """Return the reasons why an order needs attention."""
    return Text(statuses.attention_words(codes), style=STYLES[Tone.ALARM])


def transition(change: ChangeLine) -> str:
    """Return what a change did to the status; only its name if attention, refunds or a note changed instead."""
    if change.from_status == change.to_status:
        return words(change.to_status)
    return statuses.transition(change.from_status, change.to_status)


def remark(change: ChangeLine) -> str:
    """Return what follows the actor of a change."""
    return f": {plain(change.note)}" if change.note else ""
