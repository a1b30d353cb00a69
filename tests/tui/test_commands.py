"""Every key names the command that does the same: one that there is, with options that it has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tui.command_lines import fault_of
from tui.actions import Action
from tui.filters import Choice, EventChoice
from tui.screens.base import BaseScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.event import EventScreen
from tui.screens.events import EventsScreen
from tui.screens.health import HealthScreen
from tui.screens.message import MessageScreen
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.screens.todo import TodoScreen
from tui.screens.trigger import TriggerScreen

SCREENS: tuple[type[BaseScreen], ...] = (
    OrdersScreen, OrderScreen, EventsScreen, EventScreen, DeadLettersScreen, TriggerScreen, HealthScreen, TodoScreen,
    MessageScreen,
)  # fmt: skip


def every_action() -> Iterator[tuple[str, Action]]:
    for screen in SCREENS:
        for action in screen.all_actions():
            yield screen.__name__, action


def test_each_command_named_by_a_key_is_there() -> None:
    faults = {
        f"{screen} {action.key}": fault
        for screen, action in every_action()
        if action.command and (fault := fault_of(action.command))
    }
    assert faults == {}


def test_what_changes_something_names_its_command() -> None:
    assert [f"{screen} {action.key}" for screen, action in every_action() if action.writes and not action.command] == []


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_of_a_screen_has_two_meanings(screen: type[BaseScreen]) -> None:
    keys = [key for action in screen.all_actions() for key in action.key.split(",")]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize(
    "command",
    [
        *(
            Choice(("completed",), attention=True, span=span, search="ada").command("Europe/Vienna")
            for span in ("24h", "yesterday", "last week", "..today", "48h..24h")
        ),
        EventChoice(("dead",), ("charge.refunded",), ("id", 1001), "5f3a90c1").command(),
    ],
)
def test_a_narrowed_list_names_a_command_that_lists_the_same(command: str) -> None:
    assert fault_of(command.removeprefix("checkout ")) is None
