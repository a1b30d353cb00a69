"""One order: its facts, its history, and what an operator can do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import Container, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from tui.actions import Action, command_line
from tui.data import ChangeLine, CheckoutError, DatabaseUnavailable, WholeOrder
from tui.desk import Desk
from tui.facts import copies, facts, headline
from tui.latest import Latest
from tui.screens.base import DeskScreen
from tui.screens.dialogs import Ask, Choose, Tell
from tui.texts import clock, minor_units, money, qr_code, words
from tui.timeline import Moment, moments

_WIDE = 110


class OrderScreen(DeskScreen):
    """Follows its order while it is open."""

    PLACE = "Order"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "back", "Back to the list", foot="Back"),
        Action("r", "resend", "A link to pay with, by mail on request", "sessions resend ORDER", "Resend", writes=True),
        Action("f", "refund", "Give money back", "orders refund ORDER --amount MINOR", foot="Refund", writes=True),
        Action("x", "expire", "Expire the open session", "sessions expire ORDER", foot="Expire", writes=True),
        Action("X", "cancel", "Cancel the order", "orders cancel ORDER", writes=True),
        Action(
            "a", "acknowledge", "Say that an attention is dealt with", "orders ack ORDER REASON", "Ack", writes=True
        ),
        Action("n", "note", "Keep a note", "orders note ORDER TEXT", foot="Note", writes=True),
        Action("o", "dashboard", "The address in Stripe's dashboard", foot="Stripe"),
        Action("c", "copy_one", "Copy an id or a link", foot="Copy"),
        Action("tab", "app.focus_next", "To the other half"),
    )

    def __init__(self, desk: Desk, order_id: str) -> None:
        super().__init__(desk)
        self.order_id = order_id
        self.whole: WholeOrder | None = None
        self._reads = Latest(self._read)

    def body(self) -> Iterable[Widget]:
        yield Static(" …", id="headline", markup=False)
        yield Container(
            VerticalScroll(Static(id="facts", markup=False), id="left"),
            VerticalScroll(Static(id="history", markup=False), id="right"),
            id="halves",
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#right").focus()
        self._load()

    def on_resize(self) -> None:
        self.set_class(self.size.width < _WIDE, "-narrow")

    # Reading

    @work(group="order")
    async def _load(self) -> None:
        try:
            await self._reads.ask(None)
        except DatabaseUnavailable:
            return
        except CheckoutError as error:
            self.notify(error.detail, severity="error", markup=False)
            self.dismiss()

    async def _read(self, _: None) -> None:
        first = self.whole is None
        whole = await self.desk.data.order(self.order_id)
        if self.gone:
            return
        self.whole = whole
        if first:
            self.say_command(self._command("orders", "show"))
        self.redraw()

    async def reload(self) -> None:
        self._load()

    async def changed(self, changes: list[ChangeLine]) -> None:
        if any(change.order_id == self.order_id for change in changes):
            self._load()

    def redraw(self) -> None:
        super().redraw()
        if self.whole is None:
            return
        self.query_one("#headline", Static).update(Text(" ").append_text(headline(self.whole, self._colour)))
        self.query_one("#facts", Static).update(facts(self.whole, self.desk, self._colour))
        self.query_one("#history", Static).update(self._history(moments(self.whole)))

    def _history(self, found: Iterable[Moment]) -> Text:
        text, muted = Text(), self._colour("muted")
        day = ""
        for each in found:
            at = clock(each.at, self.desk.data.zone)
            if at[:10] != day:
                day = at[:10]
                text.append(f"{day}\n", muted)
            text.append(f"{at[11:]}  ", muted).append(f"{each.mark} {each.what}", self._colour(each.tone))
            if each.step:
                text.append(f"  {each.step}", "bold")
            text.append("\n")
            for line in filter(None, each.detail.split("\n")):
                text.append(f"            {line}\n", muted)
        return text

    def _colour(self, name: str) -> str:
        return self.app.theme_variables[name]

    # Acting

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        writes = any(each.name == action and each.writes for each in self.ACTIONS)
        return False if writes and self.desk.read_only else super().check_action(action, parameters)

    def action_back(self) -> None:
        self.dismiss()

    def _command(self, *verb: str, rest: Iterable[object] = ()) -> str:
        number = self.order_id if self.whole is None else self.whole.view.order.number
        return command_line(*verb, number, *rest)

    @asynccontextmanager
    async def _doing(self, command: str) -> AsyncIterator[None]:
        """Say the command that does the same; what goes wrong is said too, and nothing more comes of it."""
        self.say_command(command)
        try:
            yield
        except CheckoutError as error:
            self.notify(error.detail, title="Not done", severity="error", timeout=10, markup=False)
        self._load()

    def _done(self, text: str) -> None:
        self.notify(text, timeout=5, markup=False)

    @work(group="act", exclusive=False)
    async def action_resend(self) -> None:
        options = [("link", "Show the link"), ("mail", "Show the link, and mail it to the customer")]
        chosen = await self.app.push_screen_wait(Choose("Resend the session", options))
        if chosen is None:
            return
        rest = () if chosen == "mail" else ("--no-mail",)
        async with self._doing(self._command("sessions", "resend", rest=rest)):
            resent = await self.desk.data.resend(self.order_id, mail=chosen == "mail")
            until = clock(resent.expires_at, self.desk.data.zone)
            mailed = "\nThe mail is in the outbox." if resent.mailed else ""
            text = f"{resent.url}\n\nIt can be paid there until {until}.{mailed}"
            await self.app.push_screen_wait(
                Tell(f"Order {resent.number}", text, copies=resent.url, art=qr_code(resent.url))
            )

    @work(group="act", exclusive=False)
    async def action_refund(self) -> None:
        async with self._doing(self._command("orders", "refund")):
            payment_id = await self._pick_payment()
            whole = await self.desk.data.plan_refund(self.order_id, None, payment_id)
            left = money(whole.amount, whole.currency)
            typed = await self.app.push_screen_wait(
                Ask("Refund", f"How much of {left}, in {whole.currency.upper()}? Empty is all of it.")
            )
            if typed is None:
                return
            amount = minor_units(typed, whole.currency) if typed else whole.amount
            if amount is None:
                self.notify(f"{typed!r} is no amount in {whole.currency.upper()}", severity="error", markup=False)
                return
            plan = await self.desk.data.plan_refund(self.order_id, amount, whole.payment_id)
            what, then = money(plan.amount, plan.currency), money(plan.left_afterwards, plan.currency)
            question = (
                f"Refund {what} of {plan.payment_id}.\nThen {then} of it is left.\n\n"
                f"Type the order's number, {plan.number}, to do it."
            )
            if await self.app.push_screen_wait(Ask("Refund", question, must_be=str(plan.number))) is None:
                return
            options = ("--amount", plan.amount, *(("--payment", plan.payment_id) if payment_id else ()))
            self.say_command(self._command("orders", "refund", rest=options))
            done = await self.desk.data.refund(plan)
            self._done(f"Refunded {money(done.amount, done.currency)}: {words(done.status)}")

    async def _pick_payment(self) -> str | None:
        """None where there is one only: then the service knows it."""
        payments = () if self.whole is None else self.whole.view.payments
        options = {each.id: f"{money(each.amount, each.currency)}  {each.id}" for each in payments}
        if len(options) < 2:
            return None
        return await self.app.push_screen_wait(Choose("Refund which payment?", list(options.items())))

    @work(group="act", exclusive=False)
    async def action_expire(self) -> None:
        question = "Expire every open session of this order? It cannot be paid through them any more."
        if await self._sure("Expire", question):
            async with self._doing(self._command("sessions", "expire", rest=["--yes"])):
                expired = await self.desk.data.expire(self.order_id)
                self._done(f"Expired {', '.join(expired)}")

    @work(group="act", exclusive=False)
    async def action_cancel(self) -> None:
        async with self._doing(self._command("orders", "cancel")):
            await self.desk.data.check_cancelable(self.order_id)
            number = "" if self.whole is None else str(self.whole.view.order.number)
            question = (
                "Nobody can pay a canceled order, and there is no way back.\n\n"
                f"Type the order's number, {number}, to cancel it."
            )
            if await self.app.push_screen_wait(Ask("Cancel", question, must_be=number)) is None:
                return
            order = await self.desk.data.cancel(self.order_id)
            self._done(f"Order {order.number} is {words(order.status)}")

    @work(group="act", exclusive=False)
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
        async with self._doing(self._command("orders", "ack", rest=rest)):
            await self.desk.data.acknowledge(self.order_id, reason, note)
            self._done(f"No more attention for {words(reason)}")

    @work(group="act", exclusive=False)
    async def action_note(self) -> None:
        text = await self.app.push_screen_wait(Ask("Note", "What should be remembered?"))
        if text:
            async with self._doing(self._command("orders", "note", rest=[text])):
                await self.desk.data.note(self.order_id, text)
                self._done("Noted")

    @work(group="act", exclusive=False)
    async def action_dashboard(self) -> None:
        if self.whole is None:
            return
        view = self.whole.view
        ids = [*(each.id for each in reversed(view.payments)), *(each.id for each in reversed(view.sessions))]
        if not ids:
            self.notify("Stripe has nothing of this order yet.", markup=False)
            return
        url = self.desk.data.dashboard_url(ids[0], livemode=view.order.livemode)
        await self.app.push_screen_wait(Tell("In Stripe's dashboard", f"{ids[0]}\n\n{url}", copies=url))

    @work(group="act", exclusive=False)
    async def action_copy_one(self) -> None:
        if self.whole is None:
            return
        found = copies(self.whole)
        options = [
            (str(place), f"{name:<13} {self.desk.name(text) if name == 'email' else text}")
            for place, (name, text) in enumerate(found)
        ]
        chosen = await self.app.push_screen_wait(Choose("Copy", options))
        if chosen is not None:
            name, text = found[int(chosen)]
            self.copy(text, name)

    async def _sure(self, title: str, question: str) -> bool:
        return await self.app.push_screen_wait(Choose(f"{title}: {question}", [("", "No"), ("yes", "Yes")])) == "yes"
