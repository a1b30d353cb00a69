"""Today's figures in two lines: revenue, orders, and troubles."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual import events

from checkout_daemon.model.orders import OrderStatus
from checkout_daemon.orders.figures import INTERVAL, LONGEST_LAG_SECONDS, Figures, first_interval
from checkout_daemon.present.columns import WIDE
from checkout_daemon.present.money import money
from checkout_daemon.present.text import NONE, words
from checkout_daemon.present.times import span

from ..context import AppContext
from .chips import Chips
from .line import Line
from .plot import bars, resampled

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
_CLICKS = {"attention": "attention", "dead": "dead_letters"}
_LEAST_PLOT = 8
_GAP = "   "

TODAY_COUNTS = (
    "Today, in the figures above: the totals of the orders paid since midnight (CHECKOUT_TIME_ZONE), less what of "
    "these orders was refunded since. A refund of an order that was paid on an earlier day lowers that day, not "
    "today. Disputed money counts. Only the key's mode, live or test, is counted."
)


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
        first, second = self._money(self.figures), self._second(self.figures, width)
        amounts, currency = _by_interval(self.figures)
        label = f"  24 h {currency.upper()}"
        room = width - len(_GAP) - len(label)
        next_to_both = room - max(first.cell_len, second.cell_len)
        lines = 2 if width >= WIDE and next_to_both >= _LEAST_PLOT else 1
        columns = next_to_both if lines > 1 else room - first.cell_len
        top, bottom = first, second
        if amounts and columns >= _LEAST_PLOT:  # a plot without its label would be a riddle
            drawn = bars(resampled(amounts, min(columns, len(amounts))), lines)
            top = _spread(first, Text.assemble(self._drawn(drawn[0]), (label, self.colour("muted"))), width)
            if lines > 1:
                bottom = _spread(second, Text.assemble(self._drawn(drawn[1]), " " * len(label)), width)
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

    def _second(self, figures: Figures, width: int) -> Text:
        """Return the trouble, and behind it as many statuses as there is room for."""
        text = self._trouble(figures)
        if text.cell_len > width:
            text = self._trouble(figures, zeros=False)
        counts = {day.status: day.made for day in figures.days}
        gap = _GAP
        for status in _SHOWN:
            if counts.get(status):
                found = Text.assemble(gap, (str(counts[status]), "bold"), (f" {words(status)}", self.colour("muted")))
                if text.cell_len + found.cell_len >= width:
                    break
                text.append_text(found)
                gap = _GAP[1:]
        return text

    def _trouble(self, figures: Figures, *, zeros: bool = True) -> Text:
        """Return what needs a person. A click on a count shows it."""
        lag_seconds, muted, alarm = figures.trouble.lag_seconds, self.colour("muted"), f"bold {self.colour('error')}"
        text = Text()
        for count, what in figures.trouble.counts:
            if count or zeros:
                style = Style.parse(alarm if count else muted) + Style(meta={"chip": _CLICKS.get(what, "")})
                text.append("  " if text else "").append(f"{'! ' if count else ''}{count} {what}", style)
        lag = NONE if lag_seconds is None else _seconds(lag_seconds)
        late = lag_seconds is not None and lag_seconds > LONGEST_LAG_SECONDS
        return (
            text.append("  " if text else "")
            .append("! lag " if late else "lag ", alarm if late else muted)
            .append(lag, alarm if late else "bold")
        )

    def on_click(self, event: events.Click) -> None:
        if action := event.style.meta.get("chip"):
            self.post_message(Chips.Pressed(action))


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
    first = first_interval(figures.at, figures.today)
    places = (figures.at - first) // INTERVAL + 1
    amounts = [0] * places
    for line in figures.revenue:
        place = (line.at - first) // INTERVAL
        if line.currency == currency and 0 <= place < places:
            amounts[place] += line.amount
    return amounts, currency
