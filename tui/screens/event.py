"""One event: its outcome, and its payload as a tree to fold and search."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Input, Tree
from textual.widgets.tree import TreeNode

from checkout_daemon.disputes.evidence_fields import OF_THE_SHOP
from checkout_daemon.events.event_lists import show_event
from checkout_daemon.ledger.apply import WHY_IGNORED
from checkout_daemon.model.events import EventLine
from checkout_daemon.model.json_text import read_json
from checkout_daemon.model.text import search_form, tidied
from checkout_daemon.present.text import counted, plain, words
from checkout_daemon.present.times import clock

from ..actions import Action, command_line
from ..context import AppContext
from ..texts import masked_emails
from ..widgets.entry import SearchBox
from ..widgets.line import Block
from .acting import EVENT_ACTIONS, DetailScreen, EventActions

# The fields of Stripe's objects that hold personal data.
_PERSONAL = frozenset(
    {
        "name", "email", "phone", "line1", "line2", "city", "postal_code", "customer_email_address",
        "customer_purchase_ip", "customer_signature", "billing_address", "shipping_address", "ip_address", "cashtag",
    }
)  # fmt: skip
_PERSONAL_ENDS = ("_name", "_email", "_phone")  # such as verified_name, payer_email and individual_name
_OF_NOBODY = frozenset({"bank_name", "display_name", "event_name", "product_name"})
_EVIDENCE = "evidence"  # of a dispute: any text in it may be about the customer, but for those of the shop


class EventScreen(DetailScreen, EventActions):
    """Shows an event and keeps it current."""

    PLACE = "Event"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("escape", "dismiss", "Back", foot="Back"),
        Action("slash", "search", "Search keys and values", foot="Search", show_key="/"),
        Action("n", "next", "Next match", foot="Next"),
        Action("space", "fold", "Fold or unfold", foot="Fold"),
        Action("z", "fold_all", "Fold or unfold all", foot="All"),
        Action("c", "copy_id", "Copy the event's id", foot="Copy"),
        Action("v", "copy_value", "Copy the value under the cursor", foot="Value"),
        *EVENT_ACTIONS,
    )

    def __init__(self, context: AppContext, event_id: str) -> None:
        super().__init__(context)
        self.event_id = event_id
        self.event: EventLine | None = None
        self._payload: Any = None
        self._drawn: tuple[Any, bool, str] | None = None  # the payload shown, whether it is masked, the theme
        self._unfolded = False
        self._search_box = SearchBox("key or value")
        self.payload = Tree[Any]("payload", id="payload")
        self.payload.show_root = False
        self.payload.guide_depth = 2

    def body(self) -> Iterable[Widget]:
        yield Block(" …", id="headline")
        yield Block(id="state")
        yield self._search_box
        yield self.payload

    def on_mount(self) -> None:
        self.payload.focus()
        self.show_command(command_line("events", "show", self.event_id))

    @property
    def place(self) -> tuple[object, ...]:
        return (self.PLACE, self.event_id)

    @property
    def event_under_cursor(self) -> str:
        return self.event_id

    async def read(self) -> None:
        event, payload = await show_event(self.app_context.reads, self.event_id)
        value = None if payload is None else read_json(payload)
        self.event, self._payload = event, value if isinstance(value, dict | list | None) else [value]
        if not self.gone:
            self._show()

    def redraw(self) -> None:
        super().redraw()
        if self.event is not None:
            self._show()

    def _show(self) -> None:
        event = self.event
        assert event is not None
        zone, muted = self.app_context.time_zone, self.colour("muted")
        reason = f": {words(event.reason)}" if event.reason else ""
        self.query_one("#headline", Block).show_text(
            Text.assemble(" ", (plain(event.type), "bold"), "   ", (f"{words(event.status)}{reason}", "bold"))
        )
        error = f"\n {plain(event.last_error)}" if event.last_error and event.status != "applied" else ""
        ignored = WHY_IGNORED.get(event.reason or "")
        why = f"\n {ignored}" if ignored else ""
        self.query_one("#state", Block).show_text(
            Text(
                f" {event.id}\n created {clock(event.created_at, zone)}   received {clock(event.received_at, zone)}"
                f"   {counted(event.attempts, 'attempt')}{error}{why}",
                muted,
            )
        )
        self._show_payload()

    def _show_payload(self) -> None:
        """Fill the tree unless it already shows this, so that folds and cursor stay."""
        drawn = (self._payload, self.app_context.masked, self.app.theme)
        if self._drawn == drawn:
            return
        self._drawn = drawn
        self.payload.clear()
        if self._payload is None:
            self.payload.root.add_leaf(
                "The payload is no longer stored: it is older than CHECKOUT_PAYLOAD_DAYS, or its customer was erased."
            )
        else:
            self._grow(self.payload.root, self._payload)
        self.payload.root.expand()

    def _grow(self, node: TreeNode[Any], value: Any, *, is_evidence: bool = False) -> None:
        """Add a value to the tree; unfold only the envelope and the object in it."""
        for name, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(child, dict | list) and child:
                size = f" {{{len(child)}}}" if isinstance(child, dict) else f" [{len(child)}]"
                branch = node.add(Text.assemble((str(name), "bold"), size), data=child)
                self._grow(branch, child, is_evidence=is_evidence or name == _EVIDENCE)
                if name in ("data", "object"):
                    branch.expand()
            else:
                is_personal = _is_personal(name) or (is_evidence and name not in OF_THE_SHOP)
                shown = self._shown(child, is_personal=is_personal)
                node.add_leaf(Text.assemble(f"{name}: ", (shown, self.colour("cyan"))), data=child)

    def _shown(self, value: object, *, is_personal: bool) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        if is_personal:
            return self.app_context.name(value)
        return plain(masked_emails(value) if self.app_context.masked else value)

    # Acting

    def action_search(self) -> None:
        self._search_box.open()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._search_box.display = False
        self.payload.focus()
        self._find(after=False)

    def action_next(self) -> None:
        self._find(after=True)

    def _find(self, *, after: bool) -> None:
        """Move to the first node with the text, or with `after` to the next one below the cursor."""
        text = search_form(tidied(self._search_box.value))
        every = list(_all(self.payload.root))
        found = [node for node in every if text and text in search_form(str(node.label))]
        if not found:
            self.notify(f"{text!r} is not in this payload" if text else "Search with / first", markup=False)
            return
        cursor = self.payload.cursor_node
        at = every.index(cursor) if after and cursor in every else -1
        node = next((match for match in found if every.index(match) > at), found[0])
        parent = node.parent
        while parent is not None:
            parent.expand()
            parent = parent.parent
        # At once, as the next key may act on it. Textual numbers the unfolded lines only when `last_line` is read.
        if self.payload.last_line >= 0:
            self.payload.move_cursor(node)

    def action_fold(self) -> None:
        self.payload.action_toggle_node()

    def action_fold_all(self) -> None:
        self._unfolded = not self._unfolded
        for node in self.payload.root.children:
            if self._unfolded:
                node.expand_all()
            else:
                node.collapse_all()

    def action_copy_id(self) -> None:
        self.copy(self.event_id, "event id")

    def action_copy_value(self) -> None:
        node = self.payload.cursor_node
        if node is not None and not isinstance(node.data, dict | list):
            self.copy(str(node.data), "value", str(node.label).partition(": ")[2])


def _is_personal(name: object) -> bool:
    """Return whether a field holds personal data; elements of a list have numbers as names."""
    key = str(name)
    return key in _PERSONAL or (key.endswith(_PERSONAL_ENDS) and key not in _OF_NOBODY)


def _all(node: TreeNode[Any]) -> Iterator[TreeNode[Any]]:
    for child in node.children:
        yield child
        yield from _all(child)
