"""Run `stripe trigger` as `checkout trigger` does, or say why that is impossible here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.events.event_lists import EventOutcome
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings
from checkout_daemon.stripe_cli import triggering
from checkout_daemon.stripe_cli.program import CliMissing, OnLine, install_command, open_stripe_cli


def find_obstacle(settings: Settings) -> tuple[str, str] | None:
    """Return why no event can be triggered and the command that fixes it, empty if none does; None if one can."""
    try:
        triggering.refuse_live_key(settings)
        with open_stripe_cli(settings):
            return None
    except CliMissing as error:
        return error.detail, install_command()
    except ConfigurationError as error:
        return error.detail, ""


async def trigger(
    runtime: Runtime, request: triggering.TriggerRequest, *, on_line: OnLine, on_outcome: Callable[[EventOutcome], None]
) -> Sequence[str]:
    """Trigger an event and return what is wrong with the result, as sentences.

    Raises ConfigurationError, CliMissing, CliStuck, UnknownEvent, TriggerFailed, NotInThisState, NotFound,
    StripeUnavailable.
    """
    triggering.refuse_live_key(runtime.settings)
    with open_stripe_cli(runtime.settings) as cli:
        return await triggering.trigger(runtime, cli, request, on_line=on_line, on_outcome=on_outcome)
