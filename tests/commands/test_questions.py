"""Questions on a real terminal: Ctrl-C ends every command that asks one, at once, and nothing is done."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import cli
from checkout_daemon.commands import asking
from tests.commands.every_command import AT_STRIPE, IN_BULK, OTHERWISE, READING, WRITING
from tests.commands.place import Place, open_place
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster
from tests.support.flaky_stripe import Request
from tests.support.pseudo_terminal import on_terminal
from tools.manual import walk

COMMANDS = {path.removeprefix("checkout "): command for path, command in walk(cli.checkout, "checkout")}
ASKING = [
    name
    for name, command in COMMANDS.items()
    if any("--yes" in option.opts for option in command.params) and name not in OTHERWISE
]
LINES = WRITING | AT_STRIPE | IN_BULK
CTRL_C = "\x03"
SECONDS = 60.0


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


def test_the_tables_have_every_command() -> None:
    assert {*WRITING, *AT_STRIPE, *READING, *OTHERWISE} == set(COMMANDS)
    assert len(ASKING) > 8


@pytest.mark.parametrize("name", ASKING)
def test_ctrl_c_at_a_question_ends_the_command_at_once(place: Place, tmp_path: Path, name: str) -> None:
    words = LINES[name].words(place, tmp_path)
    before = place.contents()
    with on_terminal(*words, environ=place.environ(), cwd=tmp_path) as terminal:
        terminal.until("[y/N]:")
        asked = terminal.written
        terminal.type(CTRL_C)
        assert terminal.end() == 130
    assert terminal.written.removeprefix(asked).strip() == "^C"
    assert terminal.written.endswith("\r\n")
    assert place.contents() == before


def test_no_ends_a_command_without_doing_anything(place: Place, tmp_path: Path) -> None:
    words = LINES["orders cancel"].words(place, tmp_path)
    before = place.contents()
    with on_terminal(*words, environ=place.environ(), cwd=tmp_path) as terminal:
        terminal.until("[y/N]:")
        terminal.type("n\r")
        assert terminal.end() == 2
    assert "not confirmed: nothing was done" in terminal.written
    assert place.contents() == before


def test_yes_lets_a_command_do_it_and_ctrl_c_works_as_before_afterwards(place: Place, tmp_path: Path) -> None:
    words = LINES["orders cancel"].words(place, tmp_path)
    with on_terminal(*words, environ=place.environ(), cwd=tmp_path) as terminal:
        terminal.until("[y/N]:")
        terminal.type("y\r")
        assert terminal.end() == 0
    assert "is canceled; none of its sessions can be paid." in terminal.written


@pytest.mark.parametrize(
    ("name", "path", "questions", "command"),
    [
        ("orders refund", "/v1/refunds", ["Refund "], "refund may be under way: `checkout orders explain "),
        ("disputes submit", "/v1/disputes/", ["Submit this"], "answer may be under way: `checkout disputes show "),
        (
            "disputes accept",
            "/v1/disputes/",
            ["Accept dispute", "Are you sure?"],
            "answer may be under way: `checkout disputes show ",
        ),
    ],
)
def test_ctrl_c_while_stripe_is_asked_names_the_command_that_shows_the_result(
    place: Place, tmp_path: Path, name: str, path: str, questions: list[str], command: str
) -> None:
    words = LINES[name].words(place, tmp_path)
    asked, answered = threading.Event(), threading.Event()

    async def hold(request: Request) -> None:
        if request.method == "POST" and request.path.startswith(path):
            asked.set()
            await asyncio.to_thread(answered.wait)

    place.stripe.network.before_answer = hold
    try:
        with on_terminal(*words, environ=place.environ(), cwd=tmp_path) as terminal:
            for question in questions:
                terminal.until(question)
                terminal.type("y\r")
            assert asked.wait(SECONDS)
            terminal.type(CTRL_C)
            assert terminal.end() == 130
    finally:
        place.stripe.network.before_answer = None
        answered.set()
    assert f"The {command}" in terminal.written


async def test_ctrl_c_just_before_a_question_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio only cancels the task, which asks without an `await` in between."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(asking, "_read_line", lambda: pytest.fail("it asked"))

    async def interrupted() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            asking.confirm("Refund?", yes=False)
        finally:
            task.uncancel()

    with pytest.raises(click.Abort):
        await asyncio.create_task(interrupted())
