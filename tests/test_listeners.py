"""The sockets that `checkout serve` listens on: one per worker, all on one port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from checkout_daemon.listeners import CannotListen, open_listeners, remove_stale, unix_listeners


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        open_listeners("192.0.2.1", 0, 1)


def test_a_name_that_is_no_address_cannot_be_listened_on() -> None:
    with pytest.raises(CannotListen, match="no such host"):
        open_listeners("no such host", 0, 1)


def test_workers_get_a_socket_each_on_one_port() -> None:
    listeners = open_listeners("127.0.0.1", 0, 3)
    try:
        assert len({listener.getsockname() for listener in listeners}) == 1
        with pytest.raises(CannotListen):
            open_listeners("127.0.0.1", listeners[0].getsockname()[1], 2)
    finally:
        for listener in listeners:
            listener.close()


def test_a_unix_socket_has_its_mode_and_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "checkout.sock"
    with unix_listeners(path, 0o660, 2) as listeners:
        assert (len(listeners), path.stat().st_mode & 0o777) == (2, 0o660)
        with pytest.raises(CannotListen, match="is in use"):
            remove_stale(path)
    assert not path.exists()


def test_a_socket_that_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "checkout.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    with unix_listeners(path, 0o600, 1):
        path.unlink()
        with unix_listeners(path, 0o600, 1):  # of the daemon that follows
            pass
    path.write_text("a letter")
    with pytest.raises(CannotListen, match="is no socket"), unix_listeners(path, 0o600, 1):
        pass
    assert path.read_text() == "a letter"


def test_a_path_that_is_too_long_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match="choose another path"), unix_listeners(tmp_path / ("x" * 120), 0o600, 1):
        pass
