"""Acts on marked events, messages and errors: replayed as a batch, or dismissed together, after one box."""

from __future__ import annotations

from collections.abc import Sequence

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.batches.records import BatchAct
from checkout_daemon.events.dismissing import dismiss_events
from checkout_daemon.messages.dismissing import dismiss_messages
from checkout_daemon.present.text import counted, not_dead_any_more

from ..actions import Action, command_line
from ..filters import FAILED
from .acting import ActingScreen
from .dialogs import Ask

MARK_ROWS = (
    Action("space", "mark", "Mark the row, or unmark it"),
    Action("asterisk", "mark_all", "Mark all that match", show_key="*"),
    Action("U", "unmark", "Unmark all"),
)
_SHOWN = 3  # ids in the command line


async def replay_together(screen: ActingScreen, event_ids: Sequence[str], message_ids: Sequence[str] = ()) -> bool:
    """Replay events, in this sequence, and messages as a batch each, after confirmation. Return whether it began."""
    from checkout_daemon.batches.planning import plan_ids, start_batch

    from ..running_batches import run_started

    what, context = _words(event_ids, message_ids), screen.app_context
    question = f"Replay {what}? They are a batch, which stops at the first failure of a new kind."
    if not what or not await screen.confirm("Replay", question, yes=f"Yes, {what}"):
        return False
    number = None
    async with screen.doing(_command("replay", event_ids, message_ids)):
        for act, ids in ((BatchAct.REPLAY_EVENTS, event_ids), (BatchAct.REPLAY_MESSAGES, message_ids)):
            if ids:
                statuses = FAILED if act is BatchAct.REPLAY_MESSAGES else ()
                plan = plan_ids(act, ids, statuses)
                started = await start_batch(context.runtime, plan, operator=this_operator())
                run_started(screen.app, context, started.number, started.holder)
                number = started.number
    if number is not None and not screen.gone:
        context.navigation.batch(number)
    return number is not None


async def dismiss_together(screen: ActingScreen, event_ids: Sequence[str], message_ids: Sequence[str] = ()) -> bool:
    """Dismiss dead events and messages, after asking why. Return whether they were dismissed."""
    what = _words(event_ids, message_ids)
    if not what:
        screen.done("None of these is dead: there is nothing to dismiss.")
        return False
    note = await screen.app.push_screen_wait(Ask("Dismiss", f"Why are {what} dismissed?"))
    if note is None:
        return False
    database, operator = screen.app_context.database, this_operator()
    done = False
    async with screen.doing(_command("dismiss", event_ids, message_ids, "--note", note)):
        events = await dismiss_events(database, event_ids, operator=operator, note=note) if event_ids else []
        messages = await dismiss_messages(database, message_ids, operator=operator, note=note) if message_ids else []
        done = True
        left = len(event_ids) + len(message_ids) - len(events) - len(messages)
        screen.done(f"{_words(events, messages)} dismissed{not_dead_any_more(left)}.")
    return done


def _words(events: Sequence[object], messages: Sequence[object]) -> str:
    return " and ".join(counted(len(some), noun) for some, noun in ((events, "event"), (messages, "message")) if some)


def _command(verb: str, event_ids: Sequence[str], message_ids: Sequence[str], *options: str) -> str:
    group, ids = ("events", event_ids) if event_ids else ("outbox", message_ids)
    more = ("…",) if len(ids) > _SHOWN else ()
    return command_line(group, verb, *ids[:_SHOWN], *more, *options)
