"""Money: orders, what came in and went out of the balance at Stripe, and the newest payouts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import VerticalScroll
from textual.widget import Widget

from checkout_daemon.bank.payouts import PayoutFilter, PayoutLine, list_payouts
from checkout_daemon.bank.reports import By, Report, Row, previous, read_report
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.orders.figures import midnight
from checkout_daemon.present.money import money
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age

from ..actions import Action, command_line
from ..context import AppContext
from ..typeahead import READING
from ..widgets.line import Block
from ..widgets.plot import bars, resampled
from .base import BaseScreen

_DAYS = 30
_PAYOUTS = 8
_PLOT_LINES = 4
_MARGIN = 2
_LOOK_SECONDS = 60.0
_EMPTY = "Nothing was made or moved in 30 days. The daemon reads the balance within five minutes of an order."


class MoneyScreen(BaseScreen):
    """The report of the last thirty days, by one property after the other."""

    PLACE = "Money"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("right", "turn(1)", "By the next: day, week, month, currency …", "report --by WHAT", foot="By …"),
        Action("left", "turn(-1)", "By the one before", "report --by WHAT"),
        Action("r", "again", "Read again now", "report", foot="Again"),
    )
    REMARKS: ClassVar[tuple[str, ...]] = (
        "Money counts when it moved, in the currency that Stripe settles in; orders when they were made.",
        "net = gross + refunds + disputes + other - fees. A payout agrees if it equals the sum of its lines.",
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.by = By.DAY
        self._report: Report | None = None
        self._before: Report | None = None
        self._payouts: list[PayoutLine] = []

    def body(self) -> Iterable[Widget]:
        yield VerticalScroll(Block(id="report"), id="money")

    def on_mount(self) -> None:
        self.query_one("#money").focus()
        self.look_every(_LOOK_SECONDS, self._read)
        self._read()

    async def reload(self) -> None:
        self._read()

    def redraw(self) -> None:
        super().redraw()
        self._show()

    def on_resize(self) -> None:
        self._show()

    def action_turn(self, step: int) -> None:
        kinds = tuple(By)
        self.by = kinds[(kinds.index(self.by) + step) % len(kinds)]
        self._read()

    def action_again(self) -> None:
        self._read()

    @work(group=READING, exclusive=True)
    async def _read(self) -> None:
        self.show_command(command_line("report", "--by", self.by.value))
        zone, livemode, by = self.app_context.time_zone, self.app_context.livemode, self.by
        now = datetime.now(UTC)
        since = midnight(now - timedelta(days=_DAYS - 1), zone)
        reads = self.app_context.reads
        try:
            report = await read_report(reads, by, since, now, zone, livemode=livemode)
            before = await read_report(reads, By.CURRENCY, *previous(since, now, zone), zone, livemode=livemode)
            payouts = await list_payouts(reads, PayoutFilter(), livemode=livemode, limit=_PAYOUTS)
        except DatabaseUnavailable:
            self.read_again_soon()
            return
        if not self.gone:
            self._report, self._before, self._payouts = report, before, payouts
            self._show()

    def _show(self) -> None:
        if self._report is not None and self.is_mounted:
            width = max(self.size.width - 2 * _MARGIN, 20)
            text = _described(self._report, self._before, width, self.colour("muted"), self.colour("primary"))
            text.append_text(_payouts(self._payouts, self.colour("muted"), self.colour("error")))
            self.query_one("#report", Block).show_text(text)


def _described(report: Report, before: Report | None, width: int, muted: str, accent: str) -> Text:
    text = Text(overflow="ellipsis", no_wrap=True)
    if not report.rows:
        return text.append(f" {_EMPTY}\n\n", muted)
    then = {row.currency: row for row in before.rows} if before is not None else {}
    for total in report.totals:
        text.append(f" {total.currency.upper()}  ", "bold").append(_sum(total, then.get(total.currency)))
        text.append("\n")
        if report.by.is_time:
            nets = [row.net for row in report.rows if row.currency == total.currency]
            for line in bars(resampled(nets, width), _PLOT_LINES):
                text.append(f" {line}\n", accent)
    text.append(f"\n {report.by.value:<18}{'orders':>8}{'paid':>6}{'gross':>14}{'fees':>12}{'net':>14}\n", muted)
    rows = reversed(report.rows) if report.by.is_time else report.rows
    for row in rows:
        if row.orders or row.net or row.gross or row.payouts:
            text.append(_row(row))
    return text.append("\n")


def _sum(total: Row, before: Row | None) -> str:
    parts = [f"net {money(total.net, total.currency)}", f"gross {money(total.gross, total.currency)}"]
    others = {name: getattr(total, name) for name in ("refunds", "disputes", "fees")}
    parts += [f"{name} {money(amount, total.currency)}" for name, amount in others.items() if amount]
    if total.conversion is not None:
        parts.append(f"conversion {total.conversion:.0%}")
    if before is not None and before.net > 0:
        parts.append(f"{total.net / before.net - 1:+.0%} against 30 days before")
    return "  ".join(parts)


def _row(row: Row) -> str:
    name = plain(row.key or "(none)")[:17]
    amounts = (money(row.gross, row.currency), money(row.fees, row.currency), money(row.net, row.currency))
    count = row.declines if row.declines is not None else row.orders
    return f" {name:<18}{count:>8}{row.paid:>6}{amounts[0]:>14}{amounts[1]:>12}{amounts[2]:>14}\n"


def _payouts(payouts: Sequence[PayoutLine], muted: str, alarm: str) -> Text:
    text = Text(overflow="ellipsis", no_wrap=True)
    if not payouts:
        return text
    text.append(f" {'payout':<29}{'age':>5}  {'status':<10}{'amount':>13}  agrees\n", muted)
    for payout in payouts:
        shown = age(payout.created_at, datetime.now(UTC))
        amount = money(payout.amount, payout.currency)
        text.append(f" {plain(payout.id)[:28]:<29}{shown:>5}  {plain(words(payout.status))[:10]:<10}{amount:>13}  ")
        if payout.difference:
            text.append(f"no, by {money(payout.difference, payout.currency)}\n", alarm)
        else:
            text.append("yes\n" if payout.difference == 0 else "\n")
    return text
