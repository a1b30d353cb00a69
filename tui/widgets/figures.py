"""Today's figures in two lines: revenue, orders, and troubles."""

from __future__ import annotations

from datetime import timedelta

from rich.text import Text

from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders.figures import INTERVAL, Figures
from checkout_daemon.present.money import money
from checkout_daemon.present.text import NONE, words
from checkout_daemon.present.times import span
from tui.context import AppContext
from tui.widgets.line import Line
from tui.widgets.plot import bars, resampled

_SHOWN = (
    OrderStatus.COMPLETED,
    OrderStatus.PENDING,
    OrderStatus.PROCESSING,
    OrderStatus.FAILED,
    OrderStatus.DISPUTED,
    OrderStatus.REFUNDED,
    OrderStatus.PARTIALLY_REFUNDED,
    OrderStatus.EXPIRED,
    OrderStatus.CANCELED,
)
_WIDE = 110
_GAP = "   "


class FiguresBar(Line):
    """Empty until the first figures are read."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.app_context = context
        self.figures: Figures | None = None

    def show(self, figures: Figures) -> None:
        self.figures = figures
        self.redraw()

    def redraw(self) -> None:
        if self.figures is None:
            self.show_text(Text("\n"))
            return
        width = self.size.width - 2
        first, second = self._money(self.figures), self._orders(self.figures)
        trouble = self._trouble(self.figures)
        amounts, currency = _by_interval(self.figures)
        room = width - max(first.cell_len, second.cell_len) - len(_GAP)
        wide = width >= _WIDE
        plot = resampled(amounts, min(max(room if wide else width - first.cell_len - len(_GAP), 0), len(amounts)))
        drawn = bars(plot, 2 if wide else 1)
        label = Text(f"  24 h {currency.upper()}", style=self.colour("muted")) if plot and currency else Text()
        if plot and width - first.cell_len - len(plot) - label.cell_len - len(_GAP) < 0:
            label = Text()
        if wide:
            second = Text.assemble(second, _GAP, trouble)
            if width - second.cell_len - len(_GAP) < len(drawn[0]):
                drawn = bars(plot, 1)
        else:
            second = Text.assemble(trouble, _GAP, second)
        top = _spread(first, Text.assemble(self._drawn(drawn[0]), label if len(drawn) == 1 else Text()), width)
        below = self._drawn(drawn[1]) if len(drawn) > 1 else Text()
        bottom = _spread(second, below, width)
        for line in (top, bottom):
            line.truncate(width, overflow="ellipsis")
        self.show_text(Text.assemble(top, "\n", bottom))

    def _drawn(self, line: str) -> Text:
        return Text(line, self.colour("primary"))

    def _money(self, figures: Figures) -> Text:
        today: dict[str, int] = {}
        for line in figures.revenue:
            if line.at >= figures.today:
                today[line.currency] = today.get(line.currency, 0) + line.amount
        made, paid = sum(day.made for day in figures.days), sum(day.paid for day in figures.days)
        amounts = "  ".join(
            money(amount, currency) for currency, amount in sorted(today.items(), key=lambda item: -item[1])
        )
        conversion = f"{100 * paid // made}% paid" if made else f"{NONE} paid"
        muted = self.colour("muted")
        return Text.assemble(
            ("Today ", muted), (amounts or "no revenue yet", "bold"), _GAP,
            (str(made), "bold"), (" order" if made == 1 else " orders", muted), _GAP, (conversion, "bold"),
        )  # fmt: skip

    def _orders(self, figures: Figures) -> Text:
        counts = {day.status: day.made for day in figures.days}
        text = Text()
        for status in _SHOWN:
            if counts.get(status):
                text.append(_GAP[1:] if text else "").append(str(counts[status]), "bold")
                text.append(f" {words(status)}", self.colour("muted"))
        return text

    def _trouble(self, figures: Figures) -> Text:
        trouble = figures.trouble
        lag = NONE if trouble.lag_seconds is None else _seconds(trouble.lag_seconds)
        text = Text.assemble(("lag ", self.colour("muted")), (lag, "bold"))
        dead = trouble.events_dead + trouble.messages_dead
        for count, name in ((trouble.attention, "attention"), (trouble.stuck, "stuck"), (dead, "dead")):
            colour = "bold " + self.colour("error") if count else self.colour("muted")
            text.append("  ").append(f"{'! ' if count else ''}{count} {name}", colour)
        return text


def _spread(left: Text, right: Text, width: int) -> Text:
    return Text.assemble(left, " " * max(width - left.cell_len - right.cell_len, 1), right)


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 10 else span(seconds)


def _by_interval(figures: Figures) -> tuple[list[int], str]:
    """Return the last day's revenue by interval, in the currency with the most orders."""
    orders: dict[str, int] = {}
    for line in figures.revenue:
        orders[line.currency] = orders.get(line.currency, 0) + line.orders
    if not orders:
        return [], ""
    currency = max(orders, key=lambda code: orders[code])
    first = figures.today + INTERVAL * ((figures.at - timedelta(days=1) - figures.today) // INTERVAL + 1)
    places = (figures.at - first) // INTERVAL + 1
    amounts = [0] * places
    for line in figures.revenue:
        place = (line.at - first) // INTERVAL
        if line.currency == currency and 0 <= place < places:
            amounts[place] += line.amount
    return amounts, currency
