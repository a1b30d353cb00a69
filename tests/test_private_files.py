"""Files that we create are private from their first byte, and never follow another user's links."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.private_files import create_private, make_private_directory, open_log, open_private, publish
from checkout_daemon.sandbox.storage import Storage


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Set the most permissive umask."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_the_offline_stripe_s_files_are_private_while_it_runs(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "state")
    storage.set_state("secret", "whsec_x")
    modes = {path.name: mode(path) for path in (tmp_path / "state").iterdir()}
    assert modes == {"sandbox.sqlite3": 0o600, "sandbox.sqlite3-wal": 0o600, "sandbox.sqlite3-shm": 0o600}
    assert mode(tmp_path / "state") == 0o700
    storage.close()


def test_the_offline_stripe_follows_no_link_and_uses_no_public_directory(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "state").mkdir(0o700)
    (tmp_path / "state/sandbox.sqlite3").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        Storage(tmp_path / "state")
    assert (tmp_path / "precious").read_text() == "precious"
    (tmp_path / "public").mkdir(0o777)
    with pytest.raises(OSError, match="--state-dir"):
        Storage(tmp_path / "public")


def test_a_published_file_is_private_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    with publish(path, replace=False) as descriptor:
        os.write(descriptor, b"all of it")
        assert not path.exists()
        assert [mode(path) for path in tmp_path.iterdir()] == [0o600]
    assert (path.read_bytes(), mode(path), len(list(tmp_path.iterdir()))) == (b"all of it", 0o600, 1)


def test_what_breaks_off_publishes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), publish(tmp_path / "dump", replace=False) as descriptor:  # noqa: PT012
        os.write(descriptor, b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", ["file", "link", "dangling"])
def test_a_name_that_is_taken_meanwhile_is_kept(tmp_path: Path, there: str) -> None:
    path, precious = tmp_path / "dump", tmp_path / "precious"
    precious.write_text("precious")
    with pytest.raises(FileExistsError), publish(path, replace=False) as descriptor:  # noqa: PT012
        os.write(descriptor, b"dump")
        match there:
            case "file":
                path.write_text("theirs")
            case "link":
                path.symlink_to(precious)
            case "dangling":
                path.symlink_to(tmp_path / "nowhere")
    assert precious.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "orders.csv").symlink_to(tmp_path / "precious")
    with publish(tmp_path / "orders.csv", replace=True) as descriptor:
        os.write(descriptor, b"orders")
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "orders.csv").read_text() == "orders"


def test_a_part_that_was_exchanged_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), publish(tmp_path / "dump", replace=True) as descriptor:  # noqa: PT012
        os.write(descriptor, b"ours")
        (part,) = tmp_path.iterdir()
        part.unlink()
        part.write_text("theirs")
    assert not (tmp_path / "dump").exists()


@pytest.mark.parametrize("make", [open_private, open_log])
def test_our_own_files_are_opened_again_and_nothing_else(
    tmp_path: Path, make: Callable[[Path], int | BinaryIO]
) -> None:
    path, precious = tmp_path / "file", tmp_path / "precious"

    def close(opened: int | BinaryIO) -> None:
        os.close(opened) if isinstance(opened, int) else opened.close()

    close(make(path))
    path.chmod(0o666)
    close(make(path))
    assert mode(path) == 0o600
    precious.write_text("precious")
    lays: tuple[Callable[[], None], ...] = (
        lambda: path.symlink_to(precious),
        lambda: os.link(precious, path),
        lambda: os.mkfifo(path),
    )
    for lay in lays:
        path.unlink()
        lay()
        with pytest.raises((ConfigurationError, OSError)):
            make(path)
    assert precious.read_text() == "precious"


def test_a_new_file_is_never_one_that_is_there(tmp_path: Path) -> None:
    os.close(create_private(tmp_path / "new"))
    assert mode(tmp_path / "new") == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("new", "link"):
        with pytest.raises(FileExistsError):
            create_private(tmp_path / name)


def test_a_directory_of_ours_is_private_and_a_public_one_is_refused(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "a/b")
    assert mode(tmp_path / "a/b") == 0o700
    (tmp_path / "public").mkdir(0o777)
    with pytest.raises(ConfigurationError, match="chmod o-w"):
        make_private_directory(tmp_path / "public")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be created"):
        make_private_directory(tmp_path / "file/x")
