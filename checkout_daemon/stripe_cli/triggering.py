"""Has Stripe make an event, through its official CLI, and follows what comes of it into the daemon's database."""

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
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.pages import show_order
from checkout_daemon.private_files import write_private
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import STRIPE_API_BASE, Settings, is_live_key
from checkout_daemon.stripe_api.sessions import retrieve_session
from checkout_daemon.stripe_cli.event_correlation import MadeEvents
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
from checkout_daemon.stripe_cli.program import Finished, Heard, StripeCli, run_cli
from checkout_daemon.stripe_cli.sample_orders import make_sample_order

NEW_ORDER = "new"
"""In place of an order: one that is made for it."""

_CLI_SECONDS = 120.0
_HELP_SECONDS = 10.0
_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_MARKED = ("checkout_session", "payment_intent", "refund")
_MARKED_PAYMENT = "checkout_session:payment_intent_data"
_BY_CHECKOUT = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
)
# What the CLI has no name for, by the trigger that makes it all the same, or by steps of our own.
_SAME_TRIGGER = {"refund.created": "charge.refunded", "refund.updated": "charge.refund.updated"}
_PAYMENT = {"amount": 1500, "currency": "usd", "confirm": "true", "payment_method_types": ["card"]}
_REFUSED = re.compile(r"Request failed, status=(\d+), body=(.*)", re.DOTALL)


class UnknownEvent(CheckoutError):
    """No event that the CLI can bring about; the message has what comes near."""

    code = "unknown_event"
    exit_code = 2
    title = "There is no such event"


class TriggerFailed(CheckoutError):
    """A step of the trigger was refused; the message has the reason as the CLI was told it."""

    code = "trigger_failed"
    title = "The event could not be brought about"


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """An event, and the order it shall be about: by anything that find_order takes, or NEW_ORDER."""

    event: str
    order: str | None
    amount: int | None
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the CLI is given: a trigger's name with its arguments, or steps; and the marks of what will be made."""

    marks: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


def refuse_live_key(settings: Settings) -> None:
    if is_live_key(settings.require_stripe_api_key()):
        raise ConfigurationError(
            "STRIPE_API_KEY is a live key: `checkout trigger` makes payments up and takes test keys only (sk_test_…)"
        )


async def trigger(
    runtime: Runtime, cli: StripeCli, request: TriggerRequest, *, hear: Heard, tell: Callable[[EventOutcome], None]
) -> list[str]:
    """Bring it about, and `tell` each event's end as it comes; answers what is wrong with the outcome, as sentences.

    Raises UnknownEvent, NotFound, AmbiguousOrder, NotInThisState, ConfigurationError and DatabaseUnavailable before
    anything is done, and TriggerFailed where the CLI was refused. An order that was made for it stays.
    """
    await _check_name(cli, request)
    async with runtime.database.connection():
        pass  # without it nothing is to happen at Stripe that nobody here sees the end of
    if request.order == NEW_ORDER:
        request = replace(request, order=await _new_order(runtime, request.event, hear))
    types = tuple(dict.fromkeys([*EVENT_TYPES, request.event]))
    if request.order is None:
        plan = _plan_alone(request.event)
    else:
        plan = await _plan_for_order(runtime, request, await show_order(runtime.database, request.order))
    search = MadeEvents(runtime.gateway, types, plan.marks)
    await search.begin()
    await _run(cli, request.event, plan, hear)
    return await _follow(runtime, search, request, tell)


async def _check_name(cli: StripeCli, request: TriggerRequest) -> None:
    if request.event in EVENT_TYPES:
        if request.amount is not None and (request.order is None or not takes_amount(request.event)):
            raise ConfigurationError("--amount goes with --order and a refund, such as charge.refunded")
        return
    listed = await run_cli(cli, "trigger", "--help", timeout_seconds=_HELP_SECONDS)
    names = listed.stdout.partition("Supported events:\n")[2].partition("\n\n")[0].split()
    if request.event not in names or not _NAME.fullmatch(request.event):
        near = get_close_matches(request.event, dict.fromkeys([*EVENT_TYPES, *names]), n=5, cutoff=0.5)
        instead = f"did you mean {', '.join(near)}?" if near else "`checkout trigger --list` shows what there is"
        raise UnknownEvent(f"there is no event {request.event!r} that the Stripe CLI can trigger: {instead}")
    if request.order is not None:
        raise UnknownEvent(
            f"{request.event} is not an event that the daemon uses, so it is about no order: leave --order away"
        )


async def _new_order(runtime: Runtime, event: str, hear: Heard) -> str:
    """Its number. Raises NotInThisState, NothingOnSale, StripeUnavailable."""
    need = EVENT_TYPES[event].needs
    if need != "unpaid":
        first = "charge.dispute.created" if need == "disputed" else "checkout.session.completed"
        raise NotInThisState(
            f"{event} needs an order that is {need}, and a new one is not; this makes one: "
            f"checkout trigger {first} --order {NEW_ORDER}"
        )
    made = await make_sample_order(runtime)
    hear(f"Made order {made.number} of {format_money(made.amount_total, made.currency)}", False)
    return str(made.number)


def _plan_alone(event: str) -> _Plan:
    """Objects of its own, marked so that their events can be told from others."""
    mark = secrets.token_hex(8)
    own = _OWN_STEPS.get(event)
    if own is not None:
        payment = {**_PAYMENT, "metadata": {TAG: mark}, "payment_method": own[0]}
        return _Plan((mark,), steps=(Step("payment_intent", "post", "/v1/payment_intents", payment), *own[1]))
    marked = [*_MARKED, *([_MARKED_PAYMENT] if event in _BY_CHECKOUT else [])]
    # A step that the trigger does not have is passed over.
    adds = [f"{step}{'.' if ':' in step else ':'}metadata.{TAG}={mark}" for step in marked]
    name = _SAME_TRIGGER.get(event, event)
    return _Plan((mark,), arguments=(name, *(part for each in adds for part in ("--add", each))))


async def _plan_for_order(runtime: Runtime, request: TriggerRequest, view: OrderView) -> _Plan:
    order, session = view.order, open_session(view)
    methods: Sequence[str] = ()
    if session is not None and needs_methods(request.event):
        methods = (await retrieve_session(runtime.gateway, session.id)).object.get("payment_method_types") or ()
    again = f"checkout sessions resend {order.number}"
    offline = runtime.settings.stripe_api_base != STRIPE_API_BASE
    steps = steps_for(Wanted(request.event, view, again, request.amount, methods, offline))
    sessions, payments = [each.id for each in view.sessions], [each.id for each in view.payments]
    return _Plan((order.id, *sessions, *payments), steps=tuple(steps))


async def _run(cli: StripeCli, event: str, plan: _Plan, hear: Heard) -> None:
    failed = False

    def hear_most(line: str, stderr: bool) -> None:
        nonlocal failed
        # Said in words below. Stripe's answer is in it, on several lines.
        failed = failed or line.startswith("Trigger failed:")
        if not (failed and stderr):
            hear(line, stderr)

    if plan.arguments:
        finished = await run_cli(cli, "trigger", *plan.arguments, timeout_seconds=_CLI_SECONDS, hear=hear_most)
    else:
        with TemporaryDirectory(prefix="trigger-", dir=cli.config_dir) as directory:
            file = Path(directory) / f"{event}.json"
            write_private(file, json.dumps(fixture(plan.steps), indent=2))
            finished = await run_cli(cli, "trigger", str(file), timeout_seconds=_CLI_SECONDS, hear=hear_most)
    if finished.code:
        raise TriggerFailed(_reason(finished))


def _reason(finished: Finished) -> str:
    """In words: which step, and what Stripe said."""
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
    said = finished.stderr.strip().removeprefix("Trigger failed:").strip() or f"exit status {finished.code}"
    return f"the Stripe CLI failed at {at}: {said[:500]}"


async def _follow(
    runtime: Runtime, search: MadeEvents, request: TriggerRequest, tell: Callable[[EventOutcome], None]
) -> list[str]:
    unused = () if request.event in EVENT_TYPES else (request.event,)
    deadline = monotonic() + request.timeout_seconds
    pauses = polling_events()
    told: dict[str, EventOutcome] = {}
    waiting: dict[str, EventOutcome] = {}
    while True:
        fresh = await search.look(anything=unused)
        async with runtime.database.connection() as connection:
            held = await read_event_outcomes(connection, search.found.keys() - told.keys())
        for made in search.found.values():
            end = held.get(made.id)
            if end is None and made.type in unused:
                # No endpoint of ours asks for it, so it will not come.
                end = EventOutcome(made.id, made.type, "ignored", "unhandled_type", None, None, None, None, None, None)
            if made.id in told or end is None:
                continue
            if request.order is not None and end.reason == "no_order":
                waiting[made.id] = end  # until something that links it comes
                continue
            told[made.id] = end
            tell(end)
        happened = any(each.type == request.event for each in search.found.values())
        if (happened and not fresh and len(told) == len(search.found)) or monotonic() >= deadline:
            break
        if fresh:
            pauses.reset()
        await asyncio.sleep(min(pauses.next(), max(0.0, deadline - monotonic())))
    late = [end for event_id, end in waiting.items() if event_id not in told]
    for end in late:
        told[end.id] = end
        tell(end)
    return [*_troubles(request, search, told), *(f"{end.type} {end.id} did not reach the order" for end in late)]


def _troubles(request: TriggerRequest, search: MadeEvents, told: dict[str, EventOutcome]) -> list[str]:
    seconds = f"{request.timeout_seconds:g} s"
    troubles = [
        f"{end.type} {end.id} {end.status}: {end.last_error}"
        for end in told.values()
        if end.status in ("failed", "dead")
    ]
    if missing := [each for each in search.found.values() if each.id not in told]:
        named = ", ".join(f"{each.type} ({each.id})" for each in missing)
        troubles.append(
            f"Stripe made {named}, but did not deliver it here within {seconds}: `checkout doctor` says what is wrong "
            "with the webhook endpoint; where Stripe cannot reach this machine, run `checkout listen`"
        )
    if not any(each.type == request.event for each in search.found.values()):
        troubles.append(f"Stripe made no {request.event} within {seconds}, though every step of the trigger succeeded")
    return troubles


_OWN_STEPS: dict[str, tuple[str, tuple[Step, ...]]] = {
    "refund.failed": (
        "pm_card_refundFail",
        (Step("refund", "post", "/v1/refunds", {"payment_intent": "${payment_intent:id}"}),),
    ),
    "charge.dispute.funds_withdrawn": ("pm_card_createDispute", ()),
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
