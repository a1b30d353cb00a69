"""The terminal's door to all that is looked into and done, beside the lists of tui.data; they decide nothing.

A module of its own, because the first screen needs none of it and would wait for it longest.
Records are those of the services, under the names that the terminal uses them by.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from checkout_daemon.domain.event_types import EVENT_TYPES
from checkout_daemon.domain.json_text import read_json
from checkout_daemon.domain.orders import PAYABLE_STATUSES, Order
from checkout_daemon.errors import ConfigurationError, DatabaseUnavailable
from checkout_daemon.runtime import Runtime
from checkout_daemon.services import (
    reading,
    refunding,
    remarks,
    replaying,
    resending,
    stripe_cli,
    triggering,
    vital_signs,
)
from checkout_daemon.services.canceling import cancel_order, check_cancelable
from checkout_daemon.services.doctor import CHECKS, Check, examine
from checkout_daemon.services.event_ends import WHY_IGNORED, outcome_words
from checkout_daemon.services.explaining import Finding, explain_order
from checkout_daemon.services.history import DeedLine, History, read_history, split_changes
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.outbox.reading import all_messages
from checkout_daemon.services.refund_rules import RefundPlan, RefundWish
from checkout_daemon.services.refunding import Refunded
from checkout_daemon.services.replaying import Replayed
from checkout_daemon.services.session_expiring import expire_sessions
from checkout_daemon.services.session_resending import Resent, mail_goes, resend_session
from checkout_daemon.services.stripe_cli import CliMissing, Heard
from checkout_daemon.services.syncing import Difference, Synced, sync_order
from checkout_daemon.services.triggering import NEW_ORDER
from checkout_daemon.services.triggering import Request as TriggerRequest
from checkout_daemon.services.vital_signs import MINUTE, MINUTES, SIGNS, VitalSigns
from checkout_daemon.settings import STRIPE_API_BASE
from checkout_daemon.store.attempts import AttemptLine
from checkout_daemon.store.event_reads import EventFilter, EventLine, EventOutcome
from checkout_daemon.store.order_reads import OrderView
from checkout_daemon.store.outbox import MessageFilter, MessageLine

__all__ = [
    "CHECKS",
    "EVENT_TYPES",
    "MINUTE",
    "MINUTES",
    "NEW_ORDER",
    "PAYABLE_STATUSES",
    "SIGNS",
    "WHY_IGNORED",
    "AttemptLine",
    "Check",
    "DeedLine",
    "Difference",
    "EventOutcome",
    "Finding",
    "History",
    "MessageLine",
    "RefundPlan",
    "Replayed",
    "Resent",
    "Shop",
    "Synced",
    "TriggerRequest",
    "VitalSigns",
    "WholeOrder",
    "outcome_words",
    "split_changes",
]

_MOST_MESSAGES = 200
_RESEND_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class WholeOrder:
    """All there is about an order, what its customer and the shop's systems were told of it, and what explains it."""

    view: OrderView
    messages: tuple[MessageLine, ...]
    findings: tuple[Finding, ...]
    history: History


class Shop:
    """What screens ask and do. Raises DatabaseUnavailable from everything that reads."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._database = runtime.database

    async def event(self, event_id: str) -> tuple[EventLine, Any]:
        """Return an event and its payload as JSON's values, in an array or object; None once retention has dropped it.

        Raises NotFound.
        """
        event, payload = await reading.show_event(self._database, event_id)
        if payload is None:
            return event, None
        value = read_json(payload)
        return event, value if isinstance(value, dict | list) else [value]

    async def events_of_cause(self, fingerprint: str) -> list[str]:
        """The ids of what failed for a cause, in the order in which they are to be applied again."""
        found = await replaying.events_to_replay(self._database, EventFilter(fingerprint=fingerprint))
        return [event.id for event in found]

    async def order(self, order_id: str) -> WholeOrder:
        """Raises NotFound."""
        view = await reading.show_order(self._database, order_id)
        wanted = MessageFilter(order_id=view.order.id)
        messages = [each async for page in all_messages(self._database, wanted, limit=_MOST_MESSAGES) for each in page]
        explanation = await explain_order(self._database, view.order.id, self._runtime.settings.time_zone)
        history = await read_history(self._database, view.order.id)
        return WholeOrder(view, tuple(messages), explanation.findings, history)

    # What an operator does: as the commands do it, in the name of who runs this process

    def mail_goes(self) -> str:
        """What happens to a mail by itself."""
        return mail_goes(self._runtime.settings)

    async def resend(self, order_id: str, *, mail: bool) -> Resent:
        """Raises NotPayable, StripeUnavailable, StripeRejected."""
        return await resend_session(self._runtime, order_id, operator=this_operator(), mail=mail)

    async def expire(self, order_id: str) -> Sequence[str]:
        """The sessions that were expired. Raises SessionNotOpen, StripeUnavailable."""
        return (await expire_sessions(self._runtime, order_id, operator=this_operator())).session_ids

    async def check_cancelable(self, order_id: str) -> None:
        """Raises NotCancelable."""
        await check_cancelable(self._database, order_id)

    async def cancel(self, order_id: str) -> Order:
        """Raises NotCancelable, StripeUnavailable."""
        return await cancel_order(self._runtime, order_id, operator=this_operator())

    async def plan_refund(self, order_id: str, amount: int | None, payment_id: str | None) -> RefundPlan:
        """What a refund would give back. Raises NotRefundable, SeveralPayments, RefundUnderWay, InvalidRequest."""
        return await refunding.plan_refund(self._database, order_id, RefundWish(amount, payment_id))

    async def refund(self, plan: RefundPlan) -> Refunded:
        """Exactly what was planned. Raises as plan_refund, StripeRejected, StripeUnavailable."""
        wish = RefundWish(plan.amount, plan.payment_id)
        return await refunding.refund(self._runtime, plan.order_id, wish, operator=this_operator())

    async def acknowledge(self, order_id: str, reason: str, note: str) -> None:
        """Raises NothingToAcknowledge, InvalidRequest."""
        await remarks.acknowledge(self._database, order_id, reason, operator=this_operator(), note=note)

    async def note(self, order_id: str, text: str) -> None:
        """Raises InvalidRequest."""
        await remarks.note_order(self._database, order_id, text, operator=this_operator())

    async def sync(self, order_id: str, *, apply: bool) -> Synced:
        """What differs at Stripe; merged with `apply`. Raises OtherMode, StripeUnavailable, StripeRejected."""
        return await sync_order(self._runtime, order_id, cause="session.sync", actor=this_operator(), apply=apply)

    async def replay(self, event_id: str) -> Replayed:
        """Raises NotFound, NotReplayed."""
        return await replaying.replay(self._database, event_id, operator=this_operator())

    def replay_each(self, event_ids: Sequence[str]) -> AsyncGenerator[Replayed, None]:
        """One after the other until one fails again. Raises NotFound, NotReplayed."""
        return replaying.replay_many(self._database, event_ids, operator=this_operator())

    async def resend_event(self, event_id: str) -> EventOutcome:
        """What became of it. Raises NotFound, NotResent, CliMissing, CliStuck, StripeUnavailable."""
        with stripe_cli.open_stripe_cli(self._runtime.settings) as cli:
            return await resending.resend(self._runtime, cli, event_id, timeout_seconds=_RESEND_SECONDS)

    def cannot_trigger(self) -> tuple[str, str] | None:
        """Why no event can be brought about here, and the command that mends it, if one does; None where it can."""
        settings = self._runtime.settings
        try:
            triggering.refuse_live_key(settings)
            with stripe_cli.open_stripe_cli(settings):
                return None
        except CliMissing as error:
            return error.detail, stripe_cli.install_command()
        except ConfigurationError as error:
            return error.detail, ""

    async def trigger(
        self, request: TriggerRequest, *, hear: Heard, tell: Callable[[EventOutcome], None]
    ) -> Sequence[str]:
        """As `checkout trigger`: what is wrong with the outcome, as sentences.

        Raises ConfigurationError, CliMissing, CliStuck, UnknownEvent, TriggerFailed, NotInThisState, NotFound,
        StripeUnavailable.
        """
        settings = self._runtime.settings
        triggering.refuse_live_key(settings)
        with stripe_cli.open_stripe_cli(settings) as cli:
            return await triggering.trigger(self._runtime, cli, request, hear=hear, tell=tell)

    def checks(self) -> AsyncGenerator[Check, None]:
        """What `checkout doctor` says, one after the other; asks Stripe. Close it with `contextlib.aclosing`."""
        return examine(self._runtime.settings)

    async def vital_signs(self) -> tuple[VitalSigns, Sequence[Check]]:
        """How the shop lives, from the database and this machine alone, and what is to be said of it."""
        signs = await vital_signs.read_vital_signs(self._runtime, datetime.now(UTC))
        return signs, vital_signs.judge(self._runtime.settings, signs)

    def no_answer(self, error: DatabaseUnavailable) -> Sequence[Check]:
        """What is to be said of a database that did not answer, and of what is known all the same."""
        return vital_signs.no_answer(self._runtime.settings, error.detail)

    def dashboard_url(self, object_id: str, *, livemode: bool) -> str:
        """Where Stripe's dashboard shows a payment or session; of the offline Stripe, its own page."""
        base = self._runtime.settings.stripe_api_base
        if base != STRIPE_API_BASE:
            return f"{base}/#/{'payments' if object_id.startswith('pi_') else 'sessions'}/{object_id}"
        test = "" if livemode else "test/"
        path = f"payments/{object_id}" if object_id.startswith("pi_") else f"search?query={object_id}"
        return f"https://dashboard.stripe.com/{test}{path}"
