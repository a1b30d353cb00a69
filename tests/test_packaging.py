"""The wheel is complete: everything runs from another directory."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import cli
from tests.support.dev import answers, running_dev
from tools.man_pages import pages as man_pages
from tools.manual import walk

ROOT = Path(__file__).parent.parent
PACKAGES = {"checkout_daemon": ROOT / "checkout_daemon", "checkout_daemon.sql": ROOT / "sql", "tui": ROOT / "tui"}
SOURCES = ("checkout_daemon", "sql", "tui", "cli.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def package_files() -> set[str]:
    """Return the files that the wheel must have, by their names in it."""
    found = {"cli.py"}
    for package, directory in PACKAGES.items():
        for path in directory.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(f"{package.replace('.', '/')}/{path.relative_to(directory)}")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, so that no earlier build gets in and nothing remains in the working tree."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    run([sys.executable, "-m", "tools.man_pages", source / "build" / "man"], ROOT)
    target = tmp_path_factory.mktemp("wheel")
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, target], cwd=source, check=True, capture_output=True, timeout=120)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment with the wheel and with the dependencies of this one."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    install: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
    ]
    subprocess.run(install, check=True, timeout=120)
    purelib = sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)})
    # A path in a .pth file adds no .pth files of its own, so our editable install stays out.
    Path(purelib, "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return place / "bin"


def run(command: list[str | Path], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


def test_every_package_directory_is_in_the_list() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = set(setup["options"]["packages"].split())
    found = {"checkout_daemon.sql"}
    for name in ("checkout_daemon", "tui"):
        for path in (ROOT / name).rglob("*.py"):
            found.add(".".join(path.parent.relative_to(ROOT).parts))

    assert listed == found


def test_the_wheel_holds_every_file_of_every_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert {name for name in held if "/share/man/" not in name} == package_files()


def test_the_wheel_holds_the_built_storefront(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert "checkout_daemon/web/storefront/index.html" in archive.namelist()


def test_the_installed_program_answers_in_another_folder(installed: Path, tmp_path: Path) -> None:
    assert "dev" in run([installed / "checkout", "--help"], tmp_path)


def test_the_installed_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    script = "import cli, checkout_daemon.sql as sql, tui; print(cli.__file__, sql.__file__, tui.__file__, sep='\\n')"

    places = run([installed / "python", "-c", script], tmp_path).splitlines()

    assert [Path(place).is_relative_to(installed.parent) for place in places] == [True, True, True]


async def test_the_installed_program_runs_a_whole_shop_in_another_folder(installed: Path, state_dir: Path) -> None:
    async with running_dev(state_dir, program=[str(installed / "checkout")]) as dev:
        assert await answers(f"{dev.url}/readyz")
        assert await answers(dev.url)
        assert await answers(f"{dev.url}/api/products")


def test_man_finds_a_page_for_every_command_next_to_the_program(installed: Path) -> None:
    pages = {page.stem for page in (installed.parent / "share" / "man" / "man1").glob("*.1")}
    names = {path.replace(" ", "-") for path, _ in walk(cli.checkout, "checkout")}
    assert names < pages
    assert {"checkout", "checkout-orders"} < pages
    page = (installed.parent / "share" / "man" / "man1" / "checkout-orders-list.1").read_text("utf-8")
    assert "\\-\\-columns NAMES" in page
    assert ".SH EXAMPLES" in page


def test_no_line_of_a_man_page_is_taken_for_a_request_by_accident() -> None:
    requests = {".TH", ".SH", ".B", ".TP", ".PP", ".nf", ".fi"}
    for name, page in man_pages(cli.checkout).items():
        lines = page.splitlines()
        assert {line.split()[0] for line in lines if line.startswith((".", "'"))} <= requests, name
        assert all(line.strip() for line in lines), name
        assert page.isascii(), name
        assert not any("\b" in line for line in lines), name
