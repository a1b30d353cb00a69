"""How a status looks: always its words, and on a terminal a colour beside."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from checkout_daemon.commands.output import plain
from checkout_daemon.domain.orders import OrderStatus
from checkout_daemon.store.change_reads import ChangeLine

ORDER_STYLES = {
    OrderStatus.PENDING: "yellow",
    OrderStatus.PROCESSING: "cyan",
    OrderStatus.COMPLETED: "green",
    OrderStatus.PARTIALLY_REFUNDED: "magenta",
    OrderStatus.REFUNDED: "magenta",
    OrderStatus.DISPUTED: "bold red",
    OrderStatus.FAILED: "red",
    OrderStatus.EXPIRED: "dim",
    OrderStatus.CANCELED: "dim",
}
_MESSAGE_STYLES = {"sent": "green", "queued": "cyan", "skipped": "dim", "failed": "yellow", "dead": "bold red"}
_EVENT_STYLES = {"applied": "green", "ignored": "dim", "failed": "yellow", "dead": "bold red"}


def order_status(status: str) -> Text:
    return Text(words(status), style=ORDER_STYLES.get(OrderStatus(status), ""))


def event_status(status: str) -> Text:
    return Text(words(status), style=_EVENT_STYLES.get(status, ""))


def message_status(status: str) -> Text:
    return Text(words(status), style=_MESSAGE_STYLES.get(status, ""))


def attention(codes: Sequence[str]) -> Text:
    return Text(", ".join(words(code) for code in codes), style="bold red")


def transition(change: ChangeLine) -> str:
    if change.from_status == change.to_status:  # its attention or its refunds changed, or a person did something
        return words(change.to_status)
    before = "new" if change.from_status is None else words(change.from_status)
    return f"{before} → {words(change.to_status)}"


def remark(change: ChangeLine) -> str:
    """What follows the actor."""
    return f": {plain(change.note)}" if change.note else ""


def words(code: str) -> str:
    return code.replace("_", " ")
