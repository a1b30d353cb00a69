"""The operator actions on an order. Each asks what it needs, calls the service, and shows the command."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from textual import work

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.checkout.canceling import cancel_order, check_cancelable
from checkout_daemon.checkout.expiring import expire_sessions
from checkout_daemon.checkout.resending import mail_status, resend_session
from checkout_daemon.events.replaying import replay
from checkout_daemon.ledger.derive import SETTLED_DISPUTES
from checkout_daemon.model.events import EventLine
from checkout_daemon.model.orders import PAYABLE_STATUSES
from checkout_daemon.orders.attention_commands import left_of_payments
from checkout_daemon.orders.notes import acknowledge, note_order
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.refund_rules import prevents_refund
from checkout_daemon.orders.shipping import SHIPPABLE, read_parcel, ship_order
from checkout_daemon.orders.stripe_pages import dashboard_url, dispute_url
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock, time_of_day
from checkout_daemon.stock.counting import takes_stock
from checkout_daemon.stripe_sync.comparing import Synced, sync_order

from ..actions import Action, command_line
from ..browser import open_in_browser
from ..context import AppContext
from ..order_facts import OrderDetails, copies
from ..texts import qr_code
from ..typeahead import ACTING
from .acting import DetailScreen
from .dialogs import Ask, Choose, ShowResult
from .order_correcting import correct
from .order_refunding import refund

_AT_STRIPE = frozenset({"resend", "refund", "expire", "cancel", "sync"})  # these need a key of the order's mode


class OrderActions(DetailScreen):
    """A screen with one order; `details` is None until it is read."""

    def __init__(self, context: AppContext, order_id: str, then: str = "") -> None:
        """`then` is the name of an action to run once the order is read."""
        super().__init__(context)
        self.order_id = order_id
        self._then = then
        self.details: OrderDetails | None = None

    def obstacle(self, action: Action) -> str | None:
        found = super().obstacle(action)
        if found is not None or self.details is None:
            return found
        return _obstacle(action.name, self.details, livemode=self.app_context.livemode)

    def command_for(self, *verb: str, rest: Iterable[object] = ()) -> str:
        """Return a command with this order's number as its argument."""
        number = self.order_id if self.details is None else self.details.view.order.number
        return command_line(*verb, number, *rest)

    @work(group=ACTING)
    async def action_resend(self) -> None:
        if self.details is None:
            return
        options = [("link", "Show the link"), ("mail", "Show the link, and mail it to the customer")]
        chosen = await self.app.push_screen_wait(Choose("Resend the payment link", options))
        if chosen is None:
            return
        rest = () if chosen == "mail" else ("--no-email",)
        async with self.doing(self.command_for("sessions", "resend", rest=rest)):
            resent = await resend_session(
                self.app_context.runtime, self.order_id, operator=this_operator(), mail=chosen == "mail"
            )
            until = clock(resent.expires_at, self.app_context.time_zone)
            mailed = f"\n{mail_status(self.app_context.settings)}" if resent.mailed else ""
            valid = f"The link is valid until {until}.{mailed}"
            if self.gone:
                self.done(f"Order {resent.number} has a link to pay. {valid}")
            else:
                text = f"{resent.url}\n\n{valid}"
                result = ShowResult(f"Order {resent.number}", text, copies=resent.url, art=qr_code(resent.url))
                await self.ask(result)

    @work(group=ACTING)
    async def action_refund(self) -> None:
        if self.details is not None:
            await refund(self, self.details.view)

    @work(group=ACTING)
    async def action_expire(self) -> None:
        question = "Expire every open session of this order? Their payment links stop working."
        if await self.confirm("Expire", question, yes="Yes, expire"):
            async with self.doing(self.command_for("sessions", "expire", rest=["--yes"])):
                expired = await expire_sessions(self.app_context.runtime, self.order_id, operator=this_operator())
                self.done(f"Expired {', '.join(expired.session_ids)}")

    @work(group=ACTING)
    async def action_cancel(self) -> None:
        if self.details is None:
            return
        number = str(self.details.view.order.number)
        async with self.doing(self.command_for("orders", "cancel")):
            context = self.app_context
            await check_cancelable(context.database, self.order_id, livemode=context.livemode)
            question = "A canceled order cannot be paid, and canceling cannot be undone."
            last = f"Type the order's number, {number}, to cancel it."
            if await self.ask(Ask("Cancel", question, must_be=number, last=last)) is None:
                self.canceled()
                return
            restock = True
            if await takes_stock(self.app_context.database, self.order_id):
                answers = [("yes", "Yes, put it back on sale"), ("no", "No, it leaves the stock")]
                answer = await self.ask(Choose("Restock what is reserved for it?", answers))
                if answer is None:
                    self.canceled()
                    return
                restock = answer == "yes"
                option = "--restock" if restock else "--no-restock"
                self.show_command(self.command_for("orders", "cancel", rest=(option,)))
            order = await cancel_order(
                self.app_context.runtime, self.order_id, operator=this_operator(), restock=restock
            )
            self.done(f"Order {order.number} is {words(order.status)}")

    @work(group=ACTING)
    async def action_acknowledge(self) -> None:
        codes = () if self.details is None else self.details.view.order.attention
        reason = await self.app.push_screen_wait(Choose("Dealt with", [(code, words(code)) for code in codes]))
        if reason is None:
            return
        note = await self.app.push_screen_wait(Ask("Dealt with", f"{words(reason)}: add a note, or leave empty."))
        if note is None:
            return
        rest = [reason, *(["--note", note] if note else [])]
        async with self.doing(self.command_for("orders", "ack", rest=rest)):
            await acknowledge(self.app_context.database, self.order_id, reason, operator=this_operator(), note=note)
            self.done(f"Dealt with: {words(reason)}")

    @work(group=ACTING)
    async def action_note(self) -> None:
        text = await self.app.push_screen_wait(Ask("Note", "Text of the note"))
        if text:
            async with self.doing(self.command_for("orders", "note", rest=[text])):
                await note_order(self.app_context.database, self.order_id, text, operator=this_operator())
                self.done("Note added")

    @work(group=ACTING)
    async def action_ship(self) -> None:
        if self.details is None:
            return
        question = "Who delivers it, such as DHL? Its customer gets a mail."
        carrier = await self.app.push_screen_wait(Ask("Ship", question))
        if carrier is None:
            return
        tracking = await self.app.push_screen_wait(Ask("Ship", "Number of the parcel, or leave empty."))
        if tracking is None:
            return
        given = (("--carrier", carrier), ("--tracking", tracking))
        async with self.doing(
            self.command_for("orders", "ship", rest=[word for pair in given if pair[1] for word in pair])
        ):
            parcel = read_parcel(carrier, tracking, "")
            done = await ship_order(self.app_context.database, self.order_id, parcel, operator=this_operator())
            self.done(f"Order {done.number} is shipped" if done.changed else "That was known: nothing has changed")

    @work(group=ACTING)
    async def action_correct(self) -> None:
        if self.details is not None:
            await correct(self, self.details.view.order)

    @work(group=ACTING)
    async def action_dashboard(self) -> None:
        if self.details is None:
            return
        found = _page(self.details.view, self.app_context.settings.stripe_api_base)
        if found is None:
            self.notify("This order has no payment or session at Stripe yet.", markup=False)
            return
        object_id, url = found
        if open_in_browser(url):
            self.notify(url, title="Opened in the browser", timeout=5, markup=False)
            return
        await self.app.push_screen_wait(ShowResult("In Stripe's dashboard", f"{object_id}\n\n{url}", copies=url))

    @work(group=ACTING)
    async def action_copy_one(self) -> None:
        if self.details is None:
            return
        found = copies(self.details)
        shown = [self.app_context.name(text) if name == "email" else text for name, text in found]
        options = [(str(place), f"{name:<13} {shown[place]}") for place, (name, _) in enumerate(found)]
        chosen = await self.app.push_screen_wait(Choose("Copy", options))
        if chosen is not None:
            name, text = found[int(chosen)]
            self.copy(text, name, shown[int(chosen)])

    @work(group=ACTING)
    async def action_sync(self) -> None:
        """Show what differs at Stripe, and apply it after confirmation."""
        async with self.doing(self.command_for("sessions", "sync", rest=["--dry-run"])):
            found = await self._sync(apply=False)
            if not found.differences:
                self.done(f"Order {found.number} agrees with Stripe: {words(found.status)}.")
            elif not any(difference.fixable for difference in found.differences):
                await self.ask(ShowResult("Differs from Stripe", _differences(found), copies=self.command))
            elif await self.confirm("Differs from Stripe", _differences(found), yes="Yes, apply Stripe's state"):
                self.show_command(self.command_for("sessions", "sync"))
                synced = await self._sync(apply=True)
                fixed = len(synced.differences) - len(synced.left)
                left = f", {len(synced.left)} unknown to Stripe" if synced.left else ""
                self.done(f"Order {synced.number} is {words(synced.status)}: {fixed} fixed{left}")

    async def _sync(self, *, apply: bool) -> Synced:
        return await sync_order(
            self.app_context.runtime, self.order_id, cause="session.sync", actor=this_operator(), apply=apply
        )

    @work(group=ACTING)
    async def action_replay(self) -> None:
        events = [] if self.details is None else _events(self.details)
        if not events:
            return
        event_id: str | None = events[0].id
        if len(events) > 1:
            zone = self.app_context.time_zone
            options = [
                (event.id, f"{time_of_day(event.received_at, zone)}  {words(event.status):<9} {event.type}")
                for event in events
            ]
            event_id = await self.app.push_screen_wait(Choose("Replay which event?", options))
        if event_id is None:
            return
        async with self.doing(command_line("events", "replay", event_id)):
            self.report(await replay(self.app_context.database, event_id, operator=this_operator()))

    def action_open_trigger(self) -> None:
        if self.details is not None:
            self.app_context.navigation.trigger(self.details.view.order.number)

    @work(group=ACTING)
    async def action_copy_fix(self) -> None:
        """Copy the command or page that fixes what `orders explain` found, after a choice if there are several."""
        findings = () if self.details is None else self.details.findings
        found = {fix: finding.command for finding in findings if (fix := finding.command or finding.page)}
        if not found:
            return
        chosen: str | None = next(iter(found))
        if len(found) > 1:
            chosen = await self.app.push_screen_wait(Choose("Copy", [(fix, fix) for fix in found]))
        if chosen is not None:
            if found[chosen] is not None:
                self.show_command(chosen)
            self.copy(chosen, "page" if found[chosen] is None else "command")


def _obstacle(action: str, details: OrderDetails, *, livemode: bool) -> str | None:
    """Return the reason why an action cannot be done to an order in this state, as far as its facts show it."""
    view, status = details.view, details.view.order.status
    if action in _AT_STRIPE and view.order.livemode != livemode:
        its, ours = ("test", "live") if livemode else ("live", "test")
        return f"This order was created with a {its} key, and this terminal uses a {ours} key."
    if action == "resend" and status not in PAYABLE_STATUSES:
        return f"This order is {words(status)}: it has no payment link."
    if action == "refund":
        return _why_no_refund(view)
    if action == "expire" and not any(session.status == "open" for session in view.sessions):
        return "This order has no open session."
    if action == "cancel" and status not in PAYABLE_STATUSES:
        return f"This order is {words(status)}: it cannot be canceled."
    if action == "ship" and view.order.amount_shipping is None:
        return "Nothing of this order is sent."
    if action == "ship" and status not in SHIPPABLE:
        return f"This order is {words(status)}: only paid orders are sent."
    if action == "acknowledge" and not view.order.attention:
        return "This order does not need attention."
    if action == "replay" and not (view.events or details.unapplied):
        return "No events of this order are stored. Press s to ask Stripe instead."
    if action == "copy_fix" and not any(finding.command or finding.page for finding in details.findings):
        return "No command is needed."
    return None


def _why_no_refund(view: OrderView) -> str | None:
    left = left_of_payments(view)
    if not any(left.values()):
        if left:
            return "All of it is refunded already."
        free = "This order was free: there is nothing to refund."
        return "Nothing was paid for this order." if view.order.amount_total else free
    disputed = {dispute.payment_id for dispute in view.disputes if prevents_refund(dispute.status)}
    if {payment_id for payment_id, amount in left.items() if amount} <= disputed:
        return "Its payment is disputed, so Stripe refuses a refund. :disputes has the dispute, with keys to answer it."
    return None


def _events(details: OrderDetails) -> list[EventLine]:
    """Return the order's events, also those that were not applied, newest first."""
    events = {event.id: event for event in (*details.view.events, *details.unapplied)}
    return sorted(events.values(), key=lambda event: (event.received_at, event.id), reverse=True)


def _page(view: OrderView, stripe_api_base: str) -> tuple[str, str] | None:
    """Return the id and the page of what an operator looks for at Stripe: the open dispute, the payment, the session.

    None if nothing is at Stripe yet.
    """
    livemode = view.order.livemode
    for dispute in reversed(view.disputes):
        if dispute.status not in SETTLED_DISPUTES:
            return dispute.id, dispute_url(stripe_api_base, dispute.id, dispute.payment_id, livemode=livemode)
    ids = [paid.id for paid in reversed(view.payments)] + [session.id for session in reversed(view.sessions)]
    return (ids[0], dashboard_url(stripe_api_base, ids[0], livemode=livemode)) if ids else None


def _differences(found: Synced) -> str:
    """Return the differences as `sessions sync --dry-run` prints them."""
    becomes = f", would become {words(found.status)}" if found.status != found.status_before else ""
    lines = [f"Order {found.number}: {words(found.status_before)}{becomes}", ""]
    for object_id, differences in groupby(found.differences, key=lambda difference: difference.object_id):
        lines.append(plain(object_id))
        for difference in differences:
            here = plain(difference.stored or "nothing")
            at_stripe = plain(difference.at_stripe or "unknown: look at it, nothing is applied")
            lines.append(f"  {words(difference.field)}: {here} here, {at_stripe} at Stripe")
    return "\n".join(lines)
