"""Money: orders, what came in and went out of the balance at Stripe, and the newest payouts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.containers import VerticalScroll
from textual.widget import Widget

from checkout_daemon.bank.payouts import PayoutFilter, PayoutLine, list_payouts
from checkout_daemon.bank.report_rows import By, ComparedRow, Report, Row, columns_of
from checkout_daemon.bank.reports import Against, compare_totals, earlier, read_report
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.model.time_ranges import TimeRange, read_range
from checkout_daemon.orders.figures import begin_of_days
from checkout_daemon.present.money import money
from checkout_daemon.present.reports import as_of_text, change_of, value_of
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import age, minute

from ..actions import Action, command_line
from ..context import AppContext
from ..filters import bounds
from ..typeahead import ACTING, READING
from ..widgets.line import Block
from ..widgets.plot import bars, resampled
from .base import BaseScreen
from .payouts import open_order_of_payout
from .time_range import TimeRangeBox

_DAYS = 30
_PAYOUTS = 8
_PLOT_LINES = 4
_NAME, _COUNTS, _AMOUNTS = 18, 15, 40  # cells of the columns of a report
_MARGIN = 2
_LOOK_SECONDS = 60.0
_SPANS = ("today", "yesterday", "this week", "last week", "this month", "last month", "7d", "90d")
_AGAINST = {"today": Against.WEEK, "yesterday": Against.WEEK, "this week": Against.WEEK, "last week": Against.WEEK}
_AGAINST |= {"this month": Against.MONTH, "last month": Against.MONTH}
_EMPTY = "Nothing was made or moved in that time."


class MoneyScreen(BaseScreen):
    """The report of a time, the last thirty days at first, by one property after the other."""

    PLACE = "Money"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("right", "turn(1)", "By the next: day, week, month, currency …", "report --by WHAT", foot="By …"),
        Action("left", "turn(-1)", "By the one before", "report --by WHAT"),
        Action("t", "range", "Choose the time", "report --since WHEN --until WHEN", foot="Time"),
        Action("enter", "payouts", "Show the orders of a payout", "payouts show PAYOUT", foot="Payouts"),
        Action("r", "again", "Read again now", "report", foot="Again"),
    )
    REMARKS: ClassVar[tuple[str, ...]] = (
        "Money counts when it moved, in the currency that Stripe settles in; orders when they were made.",
        "Days, weeks and months are compared with the same days a week or a month earlier, else with the time before.",
        "net = gross + refunds + disputes + other - fees. A payout agrees if it equals the sum of its lines.",
    )

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.by = By.DAY
        self._report: Report | None = None
        self.span = ""
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

    @work(group=ACTING)
    async def action_range(self) -> None:
        zone, usual = self.app_context.time_zone, f"last {_DAYS} days"
        box = TimeRangeBox(
            zone,
            self.span,
            title="Show the money of",
            spans=_SPANS,
            usual=usual,
            usual_range=TimeRange(*_range("", zone)),
        )
        chosen = await self.app.push_screen_wait(box)
        if chosen is not None:
            self.span = chosen
            self._read()

    @work(group=ACTING)
    async def action_payouts(self) -> None:
        await open_order_of_payout(self)

    @work(group=READING, exclusive=True)
    async def _read(self) -> None:
        zone, livemode, by = self.app_context.time_zone, self.app_context.livemode, self.by
        since, until = _range(self.span, zone)
        against = _AGAINST.get(self.span, Against.PREVIOUS)
        self.show_command(
            command_line("report", "--by", by.value, *bounds(self.span, zone), "--against", against.value)
        )
        reads = self.app_context.reads
        try:
            report = await read_report(reads, by, since, until, zone, livemode=livemode)
            then = earlier(against, since, until, zone)
            before = await read_report(reads, by, *then, zone, livemode=livemode)
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
            before = self._before
            head = f" {self.span or f'last {_DAYS} days'}"
            if before is not None:
                zone = self.app_context.time_zone
                head += f", against {minute(before.since, zone)} to {minute(before.until, zone)}"
            text = Text(f"{head}\n", self.colour("muted"), overflow="ellipsis", no_wrap=True)
            text.append_text(_described(self._report, before, width, self.colour("muted"), self.colour("primary")))
            if as_of := as_of_text(self._report, self.app_context.time_zone):
                text.append(f" {as_of}\n\n", self.colour("muted"))
            text.append_text(_payouts(self._payouts, self.colour("muted"), self.colour("error")))
            self.query_one("#report", Block).show_text(text)


def _range(span: str, zone: str) -> tuple[datetime, datetime]:
    """Return the time of a range as typed; an empty one, or one without a beginning, has thirty days."""
    now = datetime.now(UTC)
    found = (read_range(span, zone, now) if span else None) or TimeRange()
    until = found.until or now
    return found.since or begin_of_days(_DAYS, min(now, until), zone), until


def _described(report: Report, before: Report | None, width: int, muted: str, accent: str) -> Text:
    text = Text(overflow="ellipsis", no_wrap=True)
    if not report.rows and not (before and before.rows):
        return text.append(f" {_EMPTY}\n\n", muted)
    totals = [ComparedRow(row, None) for row in report.totals] if before is None else compare_totals(report, before)
    for total in totals:
        for place, line in enumerate(_sums(total, report.by, width - 5)):
            text.append(f" {'' if place else total.row.currency.upper():<5}", "bold").append(f"{line}\n")
        if report.by.is_time:
            nets = [row.net for row in report.rows if row.currency == total.row.currency]
            for line in bars(resampled(nets, width), _PLOT_LINES):
                text.append(f" {line}\n", accent)
    longest = max((len(row.key or "") + 2 for row in report.rows), default=0)
    names = max(_NAME, min(longest, width - (0 if report.by is By.DECLINE else _AMOUNTS) - _COUNTS))
    heads = "" if report.by is By.DECLINE else f"{'gross':>14}{'fees':>12}{'net':>14}"
    text.append(f"\n {report.by.value:<{names}}{_count(report.by):>8}{'paid':>6}{heads}\n", muted)
    rows = reversed(report.rows) if report.by.is_time else report.rows
    for row in rows:
        if row.orders or row.net or row.gross or row.payouts:
            text.append(_row(row, names))
    return text.append("\n")


def _count(by: By) -> str:
    return "declines" if by is By.DECLINE else "orders"


def _sums(total: ComparedRow, by: By, width: int) -> list[str]:
    """Return all amounts and counts of a currency with their changes, in lines of a width."""
    names = sorted(columns_of(by), key=lambda name: name != "net")
    lines = [""]
    for name in names:
        now = getattr(total.row, name)
        if not now and not total.was(name) and name not in ("net", "orders"):
            continue
        change = change_of(total, name)
        part = f"{name.removeprefix('amount_')} {value_of(name, now, total.row.currency) or 'none'}" + (
            f" ({change})" if change else ""
        )
        if lines[-1] and len(lines[-1]) + 2 + len(part) > width:
            lines.append("")
        lines[-1] += f"  {part}" if lines[-1] else part
    return [line for line in lines if line]


def _row(row: Row, names: int) -> str:
    name = plain(row.key or "(none)")[: names - 1]
    if row.declines is not None:
        return f" {name:<{names}}{row.declines:>8}{row.paid:>6}\n"
    amounts = (money(row.gross, row.currency), money(row.fees, row.currency), money(row.net, row.currency))
    return f" {name:<{names}}{row.orders:>8}{row.paid:>6}{amounts[0]:>14}{amounts[1]:>12}{amounts[2]:>14}\n"


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
