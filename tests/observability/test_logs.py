"""Log lines: with their ids, without personal data, in both formats."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Iterator
from io import StringIO

import pytest
from aiohttp.http_exceptions import BadHttpMessage

from checkout_daemon.observability import context
from checkout_daemon.observability.logs import level_number, log_uncaught_errors, set_up_logging
from tests.support.hostile import HOSTILE, unsafe_in

log = logging.getLogger("checkout_daemon.orders.example")


@pytest.fixture
def stream() -> Iterator[StringIO]:
    """Return a stream that collects the log; restore the logging of the test run afterwards."""
    root = logging.getLogger()
    server = logging.getLogger("aiohttp.server")
    handlers, level, filters = root.handlers[:], root.level, server.filters[:]
    yield StringIO()
    root.handlers[:], server.filters[:] = handlers, filters
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_a_json_line_has_time_level_logger_message_and_ids(stream: StringIO) -> None:
    set_up_logging("json", stream=stream)
    with context.about(order="6f1c", event="evt_1"):
        log.info("order %d made", 1001)
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "checkout_daemon.orders.example",
        "message": "order 1001 made",
        "order_id": "6f1c",
        "event_id": "evt_1",
    }


def test_a_console_line_has_them_too(stream: StringIO) -> None:
    set_up_logging("console", stream=stream)
    with context.about(order="6f1c"):
        log.warning("order %d made", 1001)
    assert stream.getvalue()[8:] == " warning orders.example: order 1001 made order_id=6f1c\n"


def test_ids_end_with_their_block(stream: StringIO) -> None:
    set_up_logging("json", stream=stream)
    with context.about(order="outer"), context.about(event="evt_1"):
        assert context.current() == {"order_id": "outer", "event_id": "evt_1"}
    log.info("after")
    assert "order_id" not in json.loads(stream.getvalue())


async def test_ids_of_one_task_are_not_those_of_another() -> None:
    async def names(order: str) -> dict[str, str]:
        with context.about(order=order):
            await asyncio.sleep(0)
            return context.current()

    assert list(await asyncio.gather(names("a"), names("b"))) == [{"order_id": "a"}, {"order_id": "b"}]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_messages_and_tracebacks_are_redacted(stream: StringIO, log_format: str) -> None:
    set_up_logging(log_format, stream=stream)
    try:
        raise ValueError("bad address ada@example.com, key sk_live_abc")
    except ValueError:
        log.exception("could not write to %s", "ada@example.com")
    text = stream.getvalue()
    assert "could not write to [email]" in text
    assert "bad address [email], key sk_live_[secret]" in text
    assert "Traceback" in text
    assert "ada@" not in text


def test_a_json_line_is_one_line_whatever_is_in_it(stream: StringIO) -> None:
    set_up_logging("json", stream=stream)
    log.error("two\nlines and a \x1b[31m colour")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_line_forges_no_other_and_commands_no_terminal(stream: StringIO, log_format: str) -> None:
    set_up_logging(log_format, stream=stream)
    log.error("Stripe said: %s\n", HOSTILE)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("it failed")
    lines = stream.getvalue().splitlines()
    assert unsafe_in(stream.getvalue()) == set()
    assert "\\x1b" in stream.getvalue() or "\\u001b" in stream.getvalue()
    assert len([line for line in lines if not line.startswith("  ")]) == 2


def test_what_is_not_http_leaves_no_trace(stream: StringIO) -> None:
    set_up_logging("json", stream=stream)
    server = logging.getLogger("aiohttp.server")
    try:
        raise BadHttpMessage("its bytes: ada")
    except BadHttpMessage:
        server.exception("Error handling request from %s", "203.0.113.1")
    assert stream.getvalue() == ""
    server.error("something else")
    assert "something else" in stream.getvalue()


def test_setting_up_twice_writes_each_line_once(stream: StringIO) -> None:
    set_up_logging("json", stream=stream)
    set_up_logging("json", stream=stream)
    log.info("once")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_line_opens_an_order(stream: StringIO, log_format: str) -> None:
    set_up_logging(log_format, stream=stream)
    order_id, session_id = "6f1c0d9e-1111-4222-8333-444455556666", "cs_test_" + "a1b2c3d4" * 7
    with context.about(order=order_id):
        log.info("session %s of order %s", session_id, order_id)
        try:
            raise ValueError(f"https://shop/order/{order_id}")
        except ValueError:
            log.exception("it failed for %s", session_id)
    assert "6f1c0d9e..." in stream.getvalue()
    assert "cs_test_a1b2c3d4..." in stream.getvalue()
    assert order_id not in stream.getvalue()
    assert session_id not in stream.getvalue()


def test_the_sdk_writes_no_line_for_each_call(stream: StringIO) -> None:
    stripe = logging.getLogger("stripe")
    set_up_logging("console", stream=stream)
    stripe.info("message='Request to Stripe api' path=https://api.stripe.com/v1/checkout/sessions/cs_test_1")
    stripe.warning("a warning")
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("name", ["urllib3.connectionpool", "requests", "requests_oauthlib", "oauthlib.oauth1"])
def test_what_sends_alerts_writes_no_secret_address_at_any_level(stream: StringIO, name: str) -> None:
    set_up_logging("console", level=level_number("debug"), stream=stream)
    sending = logging.getLogger(name)
    sending.debug('https://hooks.chat.example:443 "POST /services/T0/B0/secret HTTP/1.1" 200')
    sending.info("https://hooks.chat.example/services/T0/B0/secret")
    sending.warning("the certificate is not verified")
    assert "secret" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_level_leaves_out_what_is_less_important(stream: StringIO) -> None:
    set_up_logging("console", level=level_number("warning"), stream=stream)
    log.info("an event was stored")
    log.warning("Stripe does not answer")
    assert stream.getvalue()[8:] == " warning orders.example: Stripe does not answer\n"


def test_what_nobody_catches_is_a_line_of_the_log(stream: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    set_up_logging("json", stream=stream)
    log_uncaught_errors(log)
    error = ZeroDivisionError("one of zero")
    sys.excepthook(ZeroDivisionError, error, None)
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["level"], first["message"]) == ("critical", "an error ends the program")
    assert first["exception"].endswith("ZeroDivisionError: one of zero")
    assert second["message"] == "an error ends a thread"
    assert "lambda" in second["exception"]
