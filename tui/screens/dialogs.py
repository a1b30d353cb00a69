"""Dialogs that ask for one answer or show one result. They return the answer and do nothing themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.widgets.entry import Entry


class Choose(ModalScreen[str | None]):
    """Ask for one of several options; returns None if dismissed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Cancel")]

    def __init__(self, title: str, options: Sequence[tuple[str, str]], *, question: str = "") -> None:
        """`options` are answers with their text. `question` is shown above them, and scrolls."""
        super().__init__()
        self._question = question
        self._title = title
        self._options = options

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "Enter selects, Esc cancels"
            if self._question:
                with VerticalScroll(classes="question", can_focus=False):
                    yield Static(self._question, markup=False)
            yield OptionList(*(Option(Text(words, no_wrap=True, overflow="ellipsis")) for _, words in self._options))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._options[event.option_index][0])


class Ask(ModalScreen[str | None]):
    """Ask for a line of text; returns None if dismissed. With `must_be`, only that text is accepted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]

    def __init__(self, title: str, question: str, *, value: str = "", must_be: str | None = None) -> None:
        super().__init__()
        self._title = title
        self._question = question
        self._value = value
        self._must_be = must_be

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "Enter continues, Esc cancels"
            yield Static(self._question, markup=False)
            yield Entry(value=self._value, compact=True)
            yield Static("", classes="hint", id="fault")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if self._must_be is not None and text != self._must_be:
            self.query_one("#fault", Static).update(f"That is not {self._must_be}. Nothing was done.")
            return
        self.dismiss(text)


class ShowResult(ModalScreen[None]):
    """Show a result that can be copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", "Close"),
        Binding("c", "copy", "Copy"),
    ]

    def __init__(self, title: str, text: str, *, copies: str, art: str = "") -> None:
        """`copies` is what `c` copies; `art` is drawn below the text."""
        super().__init__()
        self._title = title
        self._text = text
        self._copies = copies
        self._art = art

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "c copies, Esc closes"
            yield Static(self._text, markup=False)
            if self._art:
                yield Static(Text(self._art, style="black on white", no_wrap=True), classes="art")

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._copies)
        self.notify(self._copies, title="Copied", timeout=3, markup=False)
