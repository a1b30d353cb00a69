"""Dialogs that ask for an answer or show a result. They return the answer and do nothing themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen, ScreenResultType
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ..widgets.check_list import CheckList
from ..widgets.entry import Entry


class Dialog(ModalScreen[ScreenResultType]):
    """A box over the screen, with a title and a hint on its border. Escape dismisses it with None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]
    BOX: ClassVar[type[Widget]] = Vertical
    HINT: ClassVar[str] = "Enter selects, Esc cancels"

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        with self.BOX(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = self.HINT
            yield from self.body()

    def body(self) -> ComposeResult:
        """Yield the widgets in the box."""
        raise NotImplementedError


class Choose(Dialog[str | None]):
    """Ask for one of several options; returns None if dismissed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "dismiss", "Cancel")]

    def __init__(self, title: str, options: Sequence[tuple[str, str]], *, question: str = "") -> None:
        """`options` are answers with their text. `question` is shown above them, and scrolls."""
        super().__init__(title)
        self._question = question
        self._options = options

    def body(self) -> ComposeResult:
        if self._question:
            with VerticalScroll(classes="question", can_focus=False):
                yield Static(self._question, markup=False)
        yield OptionList(*(Option(Text(words, no_wrap=True, overflow="ellipsis")) for _, words in self._options))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index][0])


class Ask(Dialog[str | None]):
    """Ask for a line of text; returns None if dismissed. With `must_be`, only that text is accepted."""

    HINT = "Enter continues, Esc cancels"

    def __init__(self, title: str, question: str, *, must_be: str | None = None, last: str = "") -> None:
        """`question` scrolls if it is long. `last` is a line below it, which names what to type."""
        super().__init__(title)
        self._question = question
        self._must_be = must_be
        self._last = last

    def body(self) -> ComposeResult:
        with VerticalScroll(classes="question", can_focus=False):
            yield Static(self._question, markup=False)
        if self._last:
            yield Static(self._last, markup=False, classes="last")
        yield Entry(compact=True)
        yield Static("", classes="hint", id="fault")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if self._must_be is not None and text != self._must_be:
            self.query_one("#fault", Static).update(f"That is not {self._must_be}. Nothing was done.")
            return
        self.dismiss(text)


class ShowResult(Dialog[None]):
    """Show a result that can be copied."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "dismiss", "Close"), Binding("c", "copy", "Copy")]
    BOX = VerticalScroll
    HINT = "c copies, Esc closes"

    def __init__(self, title: str, text: str, *, copies: str, art: str = "") -> None:
        """Show `text`, and below it `art`. The key c copies `copies`."""
        super().__init__(title)
        self._text = text
        self._copies = copies
        self._art = art

    def body(self) -> ComposeResult:
        text = Static(self._text, markup=False)
        if not self._art:
            yield text
            return
        rows = self._art.split("\n")
        self.add_class("-art")
        room = self.app.size.height - 2  # without the border
        if len(rows) > room or len(rows[0]) > self.app.size.width * 95 // 100 - 4:
            yield text
            size = f"{len(rows[0]) + 8}x{len(rows) + 2}"
            yield Static(f"The QR code needs a window of {size} to be seen whole.", classes="hint art", markup=False)
            return
        art = Static(Text(self._art, style="black on white", no_wrap=True), classes="art")
        # Where both do not fit, the code comes first: it cannot be scanned in parts, but the text can be scrolled to.
        yield from (text, art) if len(rows) + self._text.count("\n") + 6 <= room else (art, text)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._copies)
        self.notify(self._copies, title="Copied", timeout=3, markup=False)


class Picker(Dialog[tuple[str, ...] | None]):
    """Ask for several of the options; returns those selected, maybe none, or None if dismissed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "dismiss", "Cancel"),
        Binding("enter", "take", "Show these", priority=True),
    ]
    HINT = "Space selects, Enter shows, Esc cancels"

    def __init__(self, title: str, options: Sequence[tuple[str, str]], chosen: Iterable[str]) -> None:
        """`options` are values with their text; those in `chosen` are selected."""
        super().__init__(title)
        self._options = options
        self._chosen = frozenset(chosen)

    def body(self) -> ComposeResult:
        yield CheckList[str](*((words, value, value in self._chosen) for value, words in self._options))

    def action_take(self) -> None:
        chosen = set(self.query_one(CheckList).selected)
        self.dismiss(tuple(value for value, _ in self._options if value in chosen))
