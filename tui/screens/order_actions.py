"""What an operator can do about an order, from its screen: each asks what it must, does it, and says the command."""

from __future__ import annotations

from collections.abc import Iterable

from textual import work

from checkout_daemon.domain.orders import PAYABLE_STATUSES
from checkout_daemon.present.money import money
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock
from checkout_daemon.services import refunding
from checkout_daemon.services.canceling import cancel_order, check_cancelable
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.refund_rules import RefundWish
from checkout_daemon.services.remarks import acknowledge, note_order
from checkout_daemon.services.replaying import replay
from checkout_daemon.services.session_expiring import expire_sessions
from checkout_daemon.services.session_resending import mail_goes, resend_session
from checkout_daemon.services.syncing import Synced, sync_order
from tui.actions import command_line
from tui.context import AppContext
from tui.facts import copies, dashboard_url
from tui.order_details import OrderDetails
from tui.screens.acting import ActingScreen
from tui.screens.dialogs import Ask, Choose, Tell
from tui.texts import minor_units, qr_code
from tui.typeahead import ACTING


class OrderActions(ActingScreen):
    def __init__(self, context: AppContext, order_id: str) -> None:
        super().__init__(context)
        self.order_id = order_id
        self.whole: OrderDetails | None = None

    def command_for(self, *verb: str, rest: Iterable[object] = ()) -> str:
        """A command about this order."""
        number = self.order_id if self.whole is None else self.whole.view.order.number
        return command_line(*verb, number, *rest)

    @work(group=ACTING)
    async def action_resend(self) -> None:
        if self.whole is None:
            return
        options = [("link", "Show the link"), ("mail", "Show the link, and mail it to the customer")]
        chosen: str | None = "link"
        if self.whole.view.order.status in PAYABLE_STATUSES:  # else it is refused, which nobody need choose
            chosen = await self.app.push_screen_wait(Choose("Resend the session", options))
        if chosen is None:
            return
        rest = () if chosen == "mail" else ("--no-email",)
        async with self.doing(self.command_for("sessions", "resend", rest=rest)):
            resent = await resend_session(
                self.app_context.runtime, self.order_id, operator=this_operator(), mail=chosen == "mail"
            )
            until = clock(resent.expires_at, self.app_context.time_zone)
            mailed = f"\n{mail_goes(self.app_context.settings)}" if resent.mailed else ""
            text = f"{resent.url}\n\nIt can be paid there until {until}.{mailed}"
            await self.app.push_screen_wait(
                Tell(f"Order {resent.number}", text, copies=resent.url, art=qr_code(resent.url))
            )

    @work(group=ACTING)
    async def action_refund(self) -> None:
        async with self.doing(self.command_for("orders", "refund")):
            payment_id = await self._pick_payment()
            whole = await refunding.plan_refund(self.app_context.database, self.order_id, RefundWish(None, payment_id))
            left = money(whole.amount, whole.currency)
            typed = await self.app.push_screen_wait(
                Ask("Refund", f"How much of {left}, in {whole.currency.upper()}? Empty is all of it.")
            )
            if typed is None:
                return
            amount = minor_units(typed, whole.currency) if typed else whole.amount
            if amount is None:
                self.failed(f"{typed!r} is no amount in {whole.currency.upper()}")
                return
            wish = RefundWish(amount, whole.payment_id)
            plan = await refunding.plan_refund(self.app_context.database, self.order_id, wish)
            what, then = money(plan.amount, plan.currency), money(plan.left_afterwards, plan.currency)
            real = "LIVE MODE: this is real money.\n\n" if self.app_context.livemode else ""
            question = (
                f"{real}Refund {what} of {plan.payment_id}.\nThen {then} of it is left.\n\n"
                f"Type the order's number, {plan.number}, to do it."
            )
            if await self.app.push_screen_wait(Ask("Refund", question, must_be=str(plan.number))) is None:
                return
            options = ("--amount", plan.amount, *(("--payment", plan.payment_id) if payment_id else ()))
            self.say_command(self.command_for("orders", "refund", rest=options))
            done = await refunding.refund(
                self.app_context.runtime,
                self.order_id,
                RefundWish(plan.amount, plan.payment_id),
                operator=this_operator(),
            )
            self.done(f"Refunded {money(done.amount, done.currency)}: {words(done.status)}")

    async def _pick_payment(self) -> str | None:
        """None where there is one only: then the service knows it."""
        payments = () if self.whole is None else self.whole.view.payments
        options = {each.id: f"{money(each.amount, each.currency)}  {each.id}" for each in payments}
        if len(options) < 2:
            return None
        return await self.app.push_screen_wait(Choose("Refund which payment?", list(options.items())))

    @work(group=ACTING)
    async def action_expire(self) -> None:
        question = "Expire every open session of this order? It cannot be paid through them any more."
        if await self.sure("Expire", question, yes="Yes, expire"):
            async with self.doing(self.command_for("sessions", "expire", rest=["--yes"])):
                expired = await expire_sessions(self.app_context.runtime, self.order_id, operator=this_operator())
                self.done(f"Expired {', '.join(expired.session_ids)}")

    @work(group=ACTING)
    async def action_cancel(self) -> None:
        async with self.doing(self.command_for("orders", "cancel")):
            await check_cancelable(self.app_context.database, self.order_id)
            number = "" if self.whole is None else str(self.whole.view.order.number)
            question = (
                "Nobody can pay a canceled order, and there is no way back.\n\n"
                f"Type the order's number, {number}, to cancel it."
            )
            if await self.app.push_screen_wait(Ask("Cancel", question, must_be=number)) is None:
                return
            order = await cancel_order(self.app_context.runtime, self.order_id, operator=this_operator())
            self.done(f"Order {order.number} is {words(order.status)}")

    @work(group=ACTING)
    async def action_acknowledge(self) -> None:
        codes = () if self.whole is None else self.whole.view.order.attention
        if not codes:
            self.notify("This order does not ask for attention.", markup=False)
            return
        reason = await self.app.push_screen_wait(Choose("Dealt with", [(code, words(code)) for code in codes]))
        if reason is None:
            return
        note = await self.app.push_screen_wait(Ask("Dealt with", f"{words(reason)}: a note, or nothing?"))
        if note is None:
            return
        rest = [reason, *(["--note", note] if note else [])]
        async with self.doing(self.command_for("orders", "ack", rest=rest)):
            await acknowledge(self.app_context.database, self.order_id, reason, operator=this_operator(), note=note)
            self.done(f"No more attention for {words(reason)}")

    @work(group=ACTING)
    async def action_note(self) -> None:
        text = await self.app.push_screen_wait(Ask("Note", "What should be remembered?"))
        if text:
            async with self.doing(self.command_for("orders", "note", rest=[text])):
                await note_order(self.app_context.database, self.order_id, text, operator=this_operator())
                self.done("Noted")

    @work(group=ACTING)
    async def action_dashboard(self) -> None:
        if self.whole is None:
            return
        view = self.whole.view
        ids = [*(each.id for each in reversed(view.payments)), *(each.id for each in reversed(view.sessions))]
        if not ids:
            self.notify("Stripe has nothing of this order yet.", markup=False)
            return
        url = dashboard_url(self.app_context.settings, ids[0], livemode=view.order.livemode)
        await self.app.push_screen_wait(Tell("In Stripe's dashboard", f"{ids[0]}\n\n{url}", copies=url))

    @work(group=ACTING)
    async def action_copy_one(self) -> None:
        if self.whole is None:
            return
        found = copies(self.whole)
        options = [
            (str(place), f"{name:<13} {self.app_context.name(text) if name == 'email' else text}")
            for place, (name, text) in enumerate(found)
        ]
        chosen = await self.app.push_screen_wait(Choose("Copy", options))
        if chosen is not None:
            name, text = found[int(chosen)]
            self.copy(text, name)

    @work(group=ACTING)
    async def action_sync(self) -> None:
        """What differs is shown first; nothing is merged before somebody says so."""
        async with self.doing(self.command_for("sessions", "sync", rest=["--dry-run"])):
            found = await self._sync(apply=False)
            if not found.differences:
                self.done(f"Order {found.number} is as Stripe says: {words(found.status)}.")
            elif not any(each.mendable for each in found.differences):
                await self.app.push_screen_wait(Tell("Not as Stripe says", _drift(found), copies=self.command))
            elif await self.sure("Not as Stripe says", _drift(found), yes="Yes, merge what Stripe says"):
                self.say_command(self.command_for("sessions", "sync"))
                synced = await self._sync(apply=True)
                mended = len(synced.differences) - len(synced.left)
                left = f", {len(synced.left)} left that Stripe does not know" if synced.left else ""
                self.done(f"Order {synced.number} is {words(synced.status)}: {mended} mended{left}")

    async def _sync(self, *, apply: bool) -> Synced:
        return await sync_order(
            self.app_context.runtime, self.order_id, cause="session.sync", actor=this_operator(), apply=apply
        )

    @work(group=ACTING)
    async def action_replay(self) -> None:
        events = () if self.whole is None else self.whole.view.events
        if not events:
            self.done("No event of this order is held: y replays one, s asks Stripe instead.")
            return
        event_id: str | None = events[-1].id
        if len(events) > 1:
            options = [
                (
                    each.id,
                    f"{clock(each.received_at, self.app_context.time_zone)[11:]}  {words(each.status):<8} {each.type}",
                )
                for each in reversed(events)
            ]
            event_id = await self.app.push_screen_wait(Choose("Replay which event?", options))
        if event_id is None:
            return
        async with self.doing(command_line("events", "replay", event_id)):
            self.told(await replay(self.app_context.database, event_id, operator=this_operator()))

    def action_open_trigger(self) -> None:
        if self.whole is not None:
            self.app_context.navigation.trigger(self.whole.view.order.number)

    @work(group=ACTING)
    async def action_copy_mend(self) -> None:
        """The command that puts right what `explain` found; one of them where there are several."""
        found = {} if self.whole is None else {each.command: each.says for each in self.whole.findings if each.command}
        if not found:
            self.done("Nothing is to be put right by a command.")
            return
        commands = list(found)
        chosen: str | None = commands[0]
        if len(commands) > 1:
            chosen = await self.app.push_screen_wait(Choose("Copy", [(each, each) for each in commands]))
        if chosen is not None:
            self.say_command(chosen)
            self.copy(chosen, "command")


def _drift(found: Synced) -> str:
    """As `sessions sync --dry-run` prints it."""
    becomes = f", would become {words(found.status)}" if found.status != found.status_before else ""
    lines = [f"Order {found.number}: {words(found.status_before)}{becomes}", ""]
    for place, each in enumerate(found.differences):
        if place == 0 or found.differences[place - 1].object_id != each.object_id:
            lines.append(plain(each.object_id))
        held, at_stripe = plain(each.held or "nothing"), plain(each.stripe or "unknown: look at it, nothing is merged")
        lines.append(f"  {words(each.field)}: {held} here, {at_stripe} at Stripe")
    return "\n".join(lines)
