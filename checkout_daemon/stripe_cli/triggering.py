"""Have Stripe create an event, through its official CLI, and follow its effects into the daemon's database."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from checkout_daemon.backoff import polling_events
from checkout_daemon.errors import CheckoutError, ConfigurationError
from checkout_daemon.events.event_lists import EventOutcome, read_event_outcomes
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.model.money import format_money
from checkout_daemon.model.typed_money import TypedMoney, minor_units
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.private_files import write_private
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import STRIPE_API_BASE, Settings, is_live_key
from checkout_daemon.stripe_api.sessions import retrieve_session
from checkout_daemon.stripe_cli.event_correlation import EventSearch
from checkout_daemon.stripe_cli.order_fixtures import (
    TAG,
    NotInThisState,
    Step,
    Wanted,
    fixture,
    needs_methods,
    open_session,
    steps_for,
    takes_amount,
)
from checkout_daemon.stripe_cli.program import Finished, OnLine, StripeCli, run_cli
from checkout_daemon.stripe_cli.sample_orders import create_sample_order

NEW_ORDER = "new"
"""In place of an order's number: create an order for the event."""

_CLI_SECONDS = 120.0
_HELP_SECONDS = 10.0
_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_MARKED = ("checkout_session", "payment_intent", "refund")
_MARKED_PAYMENT = "checkout_session:payment_intent_data"
_CHECKOUT_PAYS = ("checkout.session.completed", "checkout.session.async_payment_")
# Events that the CLI has no name for, with the trigger of its that causes them too; _OWN_STEPS has the others.
_SAME_TRIGGER = {"refund.created": "charge.refunded", "refund.updated": "charge.refund.updated"}
_PAYMENT = {"amount": 1500, "currency": "usd", "confirm": "true", "payment_method_types": ["card"]}
_REFUSED = re.compile(r"Request failed, status=(\d+), body=(.*)", re.DOTALL)


class UnknownEvent(CheckoutError):
    """The CLI cannot trigger this event; the message suggests similar names."""

    code = "unknown_event"
    exit_code = 2
    title = "There is no such event"


class TriggerFailed(CheckoutError):
    """Stripe refused a step of the trigger; the message has the reason that the CLI printed."""

    code = "trigger_failed"
    title = "The event could not be triggered"


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """An event, and the order to trigger it for: anything that find_order takes, NEW_ORDER, or None for no order."""

    event: str
    order: str | None
    amount: int | TypedMoney | None
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """A trigger of the CLI with its arguments, or steps of our own; and the marks of the objects they will create."""

    marks: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


def refuse_live_key(settings: Settings) -> None:
    """Raise ConfigurationError if the API key is a live one, or missing."""
    if is_live_key(settings.require_stripe_api_key()):
        raise ConfigurationError(
            "STRIPE_API_KEY is a live key: `checkout trigger` makes test payments and takes test keys only (sk_test_…)"
        )


async def trigger(
    runtime: Runtime,
    cli: StripeCli,
    request: TriggerRequest,
    *,
    on_line: OnLine,
    on_outcome: Callable[[EventOutcome], None],
) -> list[str]:
    """Trigger the event, report the outcome of every event that follows, and return what went wrong, as sentences.

    Raise UnknownEvent, NotFound, AmbiguousOrder, NotInThisState, ConfigurationError and DatabaseUnavailable before
    anything is done, and TriggerFailed if the CLI was refused. An order that was created for the event stays.
    """
    await _check_name(cli, request)
    async with runtime.database.connection():
        pass  # without a database nobody would see the outcome, so do nothing at Stripe
    if request.order == NEW_ORDER:
        request = replace(request, order=await _new_order(runtime, request.event, on_line))
    if request.order is None:
        plan = _plan_without_order(request.event)
    else:
        plan = await _plan_for_order(runtime, request, await show_order(runtime.database, request.order))
    search = EventSearch(runtime.gateway, dict.fromkeys([*EVENT_TYPES, request.event]), plan.marks)
    await search.begin()
    await _run(cli, request.event, plan, on_line)
    return await _follow(runtime, search, request, on_outcome)


async def _check_name(cli: StripeCli, request: TriggerRequest) -> None:
    if request.event in EVENT_TYPES:
        if request.amount is not None and (request.order is None or not takes_amount(request.event)):
            raise ConfigurationError("--amount needs --order and a refund, such as charge.refunded")
        return
    listed = await run_cli(cli, "trigger", "--help", timeout_seconds=_HELP_SECONDS)
    names = listed.stdout.partition("Supported events:\n")[2].partition("\n\n")[0].split()
    if request.event not in names or not _NAME.fullmatch(request.event):
        near = get_close_matches(request.event, dict.fromkeys([*EVENT_TYPES, *names]), n=5, cutoff=0.5)
        instead = f"did you mean {', '.join(near)}?" if near else "`checkout trigger --list` lists the events"
        raise UnknownEvent(f"the Stripe CLI cannot trigger {request.event!r}: {instead}")
    if request.order is not None:
        raise UnknownEvent(
            f"the daemon does not use {request.event} events, so they cannot be tied to an order: omit --order"
        )


async def _new_order(runtime: Runtime, event: str, on_line: OnLine) -> str:
    """Create an order and return its number. Raise NotInThisState, NothingOnSale and StripeUnavailable."""
    need = EVENT_TYPES[event].needs
    if need != "unpaid":
        first = "charge.dispute.created" if need == "disputed" else "checkout.session.completed"
        raise NotInThisState(
            f"{event} needs an order that is {need}, and a new one is not; this creates one: "
            f"checkout trigger {first} --order {NEW_ORDER}"
        )
    order = await create_sample_order(runtime)
    on_line(f"Created order {order.number} of {format_money(order.amount_total, order.currency)}", False)
    return str(order.number)


def _plan_without_order(event: str) -> _Plan:
    """Plan objects that belong to no order, marked so that their events can be recognized."""
    mark = secrets.token_hex(8)
    own = _OWN_STEPS.get(event)
    if own is not None:
        payment = {**_PAYMENT, "metadata": {TAG: mark}, "payment_method": own[0]}
        return _Plan((mark,), steps=(Step("payment_intent", "post", "/v1/payment_intents", payment), *own[1]))
    marked = [*_MARKED, *([_MARKED_PAYMENT] if event.startswith(_CHECKOUT_PAYS) else [])]
    # The CLI ignores a step that the trigger does not have.
    fields = [f"{step}{'.' if ':' in step else ':'}metadata.{TAG}={mark}" for step in marked]
    adds = (argument for field in fields for argument in ("--add", field))
    return _Plan((mark,), arguments=(_SAME_TRIGGER.get(event, event), *adds))


async def _plan_for_order(runtime: Runtime, request: TriggerRequest, view: OrderView) -> _Plan:
    order, session = view.order, open_session(view)
    methods: Sequence[str] = ()
    if session is not None and needs_methods(request.event):
        methods = (await retrieve_session(runtime.gateway, session.id)).object.get("payment_method_types") or ()
    make_session = f"checkout sessions resend {order.number}"
    offline = runtime.settings.stripe_api_base != STRIPE_API_BASE
    amount = None if request.amount is None else minor_units(request.amount, order.currency)
    steps = steps_for(Wanted(request.event, view, make_session, amount, methods, offline))
    marks = (order.id, *(session.id for session in view.sessions), *(payment.id for payment in view.payments))
    return _Plan(marks, steps=tuple(steps))


async def _run(cli: StripeCli, event: str, plan: _Plan, on_line: OnLine) -> None:
    failed = False

    def pass_on(line: str, stderr: bool) -> None:
        nonlocal failed
        # TriggerFailed has this in words. Stripe's response follows on several lines.
        failed = failed or line.startswith("Trigger failed:")
        if not (failed and stderr):
            on_line(line, stderr)

    with TemporaryDirectory(prefix="trigger-", dir=cli.config_dir) as directory:
        arguments = plan.arguments
        if plan.steps:
            file = Path(directory) / f"{event}.json"
            write_private(file, json.dumps(fixture(plan.steps), indent=2))
            arguments = (str(file),)
        finished = await run_cli(cli, "trigger", *arguments, timeout_seconds=_CLI_SECONDS, on_line=pass_on)
    if finished.code:
        raise TriggerFailed(_reason(finished))


def _reason(finished: Finished) -> str:
    """Return in words which step failed, and Stripe's reason."""
    last = [line for line in finished.stdout.splitlines() if line.startswith("Running fixture for:")]
    step = last[-1].partition(":")[2].strip() if last else ""
    at = f"step {step} of the trigger" if step else "the trigger"
    if match := _REFUSED.search(finished.stderr):
        try:
            error, _ = json.JSONDecoder().raw_decode(match.group(2))
            error = error["error"]
            code = error.get("decline_code") or error.get("code") or error.get("type")
            return f"Stripe refused {at}: {error['message']} ({code}, status {match.group(1)})"
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"Stripe refused {at} with status {match.group(1)}"
    reason = finished.stderr.strip().removeprefix("Trigger failed:").strip() or f"exit status {finished.code}"
    return f"the Stripe CLI failed at {at}: {reason[:500]}"


async def _follow(
    runtime: Runtime, search: EventSearch, request: TriggerRequest, on_outcome: Callable[[EventOutcome], None]
) -> list[str]:
    unused = () if request.event in EVENT_TYPES else (request.event,)
    deadline = monotonic() + request.timeout_seconds
    pauses = polling_events()
    outcomes: dict[str, EventOutcome] = {}
    unlinked: dict[str, EventOutcome] = {}
    while True:
        fresh = await search.look(unmarked=unused)
        async with runtime.database.connection() as connection:
            stored = await read_event_outcomes(connection, search.found.keys() - outcomes.keys())
        for event_id, event_type in search.found.items():
            outcome = stored.get(event_id)
            if outcome is None and event_id not in outcomes and event_type in unused:
                # No endpoint of ours asks for it, so it will not come.
                outcome = EventOutcome(event_id, event_type, "ignored", "unhandled_type", *[None] * 6)
            if outcome is None:
                continue
            if request.order is not None and outcome.reason == "no_order":
                unlinked[event_id] = outcome  # until an event that links it comes
                continue
            outcomes[event_id] = outcome
            on_outcome(outcome)
        happened = request.event in search.found.values()
        if (happened and not fresh and len(outcomes) == len(search.found)) or monotonic() >= deadline:
            break
        if fresh:
            pauses.reset()
        await asyncio.sleep(min(pauses.next(), max(0.0, deadline - monotonic())))
    late = [outcome for event_id, outcome in unlinked.items() if event_id not in outcomes]
    for outcome in late:
        outcomes[outcome.id] = outcome
        on_outcome(outcome)
    unreached = (f"{outcome.type} {outcome.id} did not reach the order" for outcome in late)
    return [*_troubles(request, search, outcomes), *unreached]


def _troubles(request: TriggerRequest, search: EventSearch, outcomes: dict[str, EventOutcome]) -> list[str]:
    seconds = f"{request.timeout_seconds:g} s"
    troubles = [
        f"{outcome.type} {outcome.id} {outcome.status}: {outcome.last_error}"
        for outcome in outcomes.values()
        if outcome.status in ("failed", "dead")
    ]
    if missing := [f"{type_} ({event_id})" for event_id, type_ in search.found.items() if event_id not in outcomes]:
        troubles.append(
            f"Stripe made {', '.join(missing)}, but did not deliver it here within {seconds}: run `checkout doctor` to "
            "check the webhook endpoint, or `checkout listen` if Stripe cannot reach this machine"
        )
    if request.event not in search.found.values():
        troubles.append(
            f"Stripe made no {request.event} within {seconds}, although every step of the trigger succeeded"
        )
    return troubles


_OWN_STEPS: dict[str, tuple[str, tuple[Step, ...]]] = {
    "refund.failed": (
        "pm_card_refundFail",
        (Step("refund", "post", "/v1/refunds", {"payment_intent": "${payment_intent:id}"}),),
    ),
    "charge.dispute.funds_withdrawn": ("pm_card_createDispute", ()),
    "radar.early_fraud_warning.created": ("pm_card_createIssuerFraudRecord", ()),
    "charge.dispute.funds_reinstated": (
        "pm_card_createDispute",
        (
            Step("disputes_list", "get", "/v1/disputes?payment_intent=${payment_intent:id}"),
            Step(
                "dispute",
                "post",
                "/v1/disputes/${disputes_list:data.0.id}",
                {"evidence": {"uncategorized_text": "winning_evidence"}},
            ),
        ),
    ),
}
