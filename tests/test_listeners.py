"""The sockets that `checkout serve` listens on: one per worker, all on one port."""

from __future__ import annotations

import pytest

from checkout_daemon.serve import CannotListen, open_listeners


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
