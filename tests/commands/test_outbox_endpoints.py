"""checkout outbox endpoints: secrets are printed once, addresses without their path."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event, Thread

import asyncpg
import pytest

from tests.commands.conftest import Run, faults_of_log
from tests.support.receiver import Receiver

URL = "https://wms.example/hooks/top-secret"
ADD = ("outbox", "endpoints", "add")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver in a thread of its own: commands bring their own event loop."""
    found, ready, done = Receiver(), Event(), Event()

    async def serve() -> None:
        found.url = await found.start()
        ready.set()
        await asyncio.to_thread(done.wait)
        await found.stop()

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait(60)
    yield found
    done.set()
    thread.join(60)


def test_the_secret_is_printed_once_and_the_path_never_again(run: Run) -> None:
    added = run(*ADD, "warehouse", URL, "--event", "order.completed")
    assert (added.code, added.out.startswith("whsec_")) == (0, True)
    listed = run("outbox", "endpoints", "list", "--json")
    (endpoint,) = listed.lines
    assert (endpoint["url"], endpoint["events"], endpoint["status"]) == (
        "https://wms.example",
        ["order.completed"],
        "enabled",
    )
    shown = listed.out + run("outbox", "endpoints", "list").out
    assert "top-secret" not in shown
    assert added.out.strip() not in shown


def test_it_is_disabled_enabled_rotated_and_removed(run: Run, database_url: str) -> None:
    first = run(*ADD, "erp", URL, "--json").json["secret"]
    assert "enable erp --replay" in run("outbox", "endpoints", "disable", "erp").out
    assert run("outbox", "endpoints", "enable", "erp", "--replay", "--json").json["queued"] == 0
    assert run("outbox", "endpoints", "rotate", "erp").code == 2  # nobody confirmed
    assert run("outbox", "endpoints", "rotate", "erp", "--yes").out.strip() != first
    assert run("outbox", "endpoints", "remove", "erp", "--yes").code == 0
    assert run("outbox", "endpoints", "enable", "erp").code == 3
    assert run("outbox", "endpoints", "remove", "erp").code == 3  # what is not there needs no question
    assert run("outbox", "endpoints", "rotate", "erp").code == 3
    assert faults_of_log(database_url) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ERP", URL], "small letters"),
        (["settings", URL], "small letters"),
        (["erp", "ftp://erp.example"], "URL"),
        (["erp", URL, "--event", "order.done"], "order.completed"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_added(run: Run, arguments: list[str], words: str) -> None:
    ran = run(*ADD, *arguments)
    assert (ran.code, words in ran.err) == (2, True)
    assert run("outbox", "endpoints", "list", "--json").lines == []


def test_a_test_message_is_signed_and_a_refusal_is_shown(run: Run, receiver: Receiver) -> None:
    receiver.secret = run(*ADD, "erp", receiver.url, "--json").json["secret"]
    taken = run("outbox", "endpoints", "test", "erp")
    assert (taken.code, taken.out.startswith("erp took the message: 204 after ")) == (0, True)
    ((_, body),) = receiver.taken.items()
    assert (body["type"], body["data"]) == ("endpoint.test", {"endpoint": "erp"})
    receiver.answer = lambda *_: 410
    ran = run("outbox", "endpoints", "test", "erp", "--json")
    answer = {"name": "erp", "ok": False, "error": "the receiver answered 410", "status": 410}
    assert (ran.code, {name: ran.json[name] for name in answer}) == (1, answer)
    assert ran.json["seconds"] >= 0


def test_a_test_shows_the_beginning_of_the_answer_and_nothing_that_a_terminal_obeys(
    run: Run, receiver: Receiver
) -> None:
    run(*ADD, "erp", receiver.url)
    receiver.answer, receiver.body = (lambda *_: 500), b"no \x1b[31msuch table\nline 2\n" + b"x" * 9000
    ran = run("outbox", "endpoints", "test", "erp")
    first, *lines = ran.out.splitlines()
    assert (ran.code, first.startswith("erp did not take the message: the receiver answered 500 after ")) == (1, True)
    assert lines[:2] == ["  no \N{REPLACEMENT CHARACTER}[31msuch table", "  line 2"]
    assert len(ran.out) < 700
    nowhere = run(*ADD, "gone", "http://127.0.0.1:9/hook").code
    ran = run("outbox", "endpoints", "test", "gone", "--json")
    assert (nowhere, ran.code, ran.json["status"], ran.json["body"]) == (0, 1, None, None)


def test_the_list_of_messages_names_the_endpoint_on_80_columns(
    run: Run, database_url: str, on_80_columns: pytest.MonkeyPatch
) -> None:
    run(*ADD, "warehouse", URL)

    async def queue() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "INSERT INTO outbox (kind, channel, endpoint, subject_id)"
            " VALUES ('order.partially_refunded', 'webhook', 'warehouse', 're_1@warehouse')"
        )
        await connection.close()

    asyncio.run(queue())
    listed = run("outbox", "list")
    assert " warehouse " in listed.out
    assert max(map(len, listed.out.splitlines())) <= 80
    (message,) = run("outbox", "list", "--json").lines
    assert "webhook to warehouse" in run("outbox", "show", message["id"]).out
