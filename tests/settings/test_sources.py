"""The sources of settings: the environment, .env, and the dev.env of a demo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings import Settings, load_settings
from tests.settings.refusing import LIVE, refused

DEMO = {
    "DATABASE_URL": "postgresql://demo:demo@127.0.0.1:1/demo",
    "STRIPE_API_KEY": "sk_test_demo",
    "STRIPE_API_BASE": "http://127.0.0.1:8001",
    "STRIPE_WEBHOOK_SECRET": "whsec_demo",
    "CHECKOUT_PUBLIC_URL": "http://127.0.0.1:8000",
}


def write_demo(cwd: Path, values: dict[str, str] = DEMO) -> None:
    (cwd / ".checkout").mkdir()
    (cwd / ".checkout/dev.env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def demo_of(settings: Settings) -> dict[str, object]:
    return {
        "DATABASE_URL": settings.database_url,
        "STRIPE_API_KEY": settings.stripe_api_key,
        "STRIPE_API_BASE": settings.stripe_api_base,
        "STRIPE_WEBHOOK_SECRET": ",".join(settings.webhook_secrets),
        "CHECKOUT_PUBLIC_URL": settings.public_url,
    }


@pytest.mark.parametrize("daemon", [False, True])
def test_a_demo_is_found_whole_where_nothing_else_is_set(tmp_path: Path, daemon: bool) -> None:
    write_demo(tmp_path)
    settings = load_settings({"CHECKOUT_PORT": "9000"}, cwd=tmp_path, daemon=daemon)
    assert demo_of(settings) == DEMO


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_API_KEY", LIVE),
        ("STRIPE_API_KEY", "sk_test_other"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_other"),
        ("STRIPE_API_BASE", "http://127.0.0.1:9"),
        ("DATABASE_URL", "postgresql://127.0.0.1/prod"),
        ("DATABASE_LISTEN_URL", "postgresql://127.0.0.1/prod"),
        ("DATABASE_READ_URL", "postgresql://127.0.0.1/prod"),
    ],
)
@pytest.mark.parametrize("where", ["environment", ".env", "file"])
def test_nothing_of_a_demo_is_mixed_with_another_shop_s_settings(
    tmp_path: Path, name: str, value: str, where: str
) -> None:
    write_demo(tmp_path)
    environ = {name: value} if where == "environment" else {}
    if where == ".env":
        (tmp_path / ".env").write_text(f"{name}={value}\n")
    if where == "file":
        (tmp_path / "secret").write_text(f"{value}\n")
        environ = {f"{name}_FILE": str(tmp_path / "secret")}
    settings = load_settings(environ, cwd=tmp_path)
    taken = {key: found for key, found in demo_of(settings).items() if found == DEMO[key] and key != name}
    assert {"DATABASE_URL", "STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET"} & taken.keys() == set()
    assert settings.demo_unused_for == (name,)
    if name != "STRIPE_WEBHOOK_SECRET":
        with pytest.raises(ConfigurationError, match=rf"dev\.env of the demo is not used, because {name} is set"):
            settings.require_webhook_secrets()


def test_who_started_the_demo_with_settings_of_their_own_finds_it_with_them(tmp_path: Path) -> None:
    own = {"DATABASE_URL": "postgresql://127.0.0.1/mine", "DATABASE_LISTEN_URL": "postgresql://127.0.0.1:2/mine"}
    write_demo(tmp_path, DEMO | {"DATABASE_URL": own["DATABASE_URL"], "STRIPE_WEBHOOK_SECRET": "whsec_a,whsec_b"})
    assert load_settings(own, cwd=tmp_path).stripe_api_key == "sk_test_demo"
    assert load_settings({"STRIPE_WEBHOOK_SECRET": "whsec_b"}, cwd=tmp_path).stripe_api_key == "sk_test_demo"


@pytest.mark.parametrize("name", ["DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_a_daemon_takes_a_demo_only_if_nothing_else_decides_which_shop_it_serves(tmp_path: Path, name: str) -> None:
    write_demo(tmp_path)
    settings = load_settings({name: DEMO[name]}, cwd=tmp_path, daemon=True)
    found = demo_of(settings)
    assert {key for key in DEMO if found[key] == DEMO[key]} - {"CHECKOUT_PUBLIC_URL"} == {name}


def test_a_demo_that_another_user_may_have_written_is_refused(tmp_path: Path) -> None:
    write_demo(tmp_path)
    (tmp_path / ".checkout").chmod(0o777)
    assert "chmod o-w" in refused(tmp_path)
    (tmp_path / ".checkout").chmod(0o700)
    (tmp_path / ".checkout/dev.env").chmod(0o666)
    assert "dev.env can be changed by every user" in refused(tmp_path)


def test_another_user_s_demo_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_demo(tmp_path)
    if os.geteuid() == 0:
        os.chown(tmp_path / ".checkout", 65534, 65534)
    else:  # who may not give a directory away is somebody else
        monkeypatch.setattr(os, "geteuid", lambda: 65533)
    assert "belongs to another user" in refused(tmp_path)


def test_files_that_settings_came_from_are_known_by_name_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("\ufeffSTRIPE_API_KEY=sk_test_x\nDATABASE_URL=postgresql://u:S3CRET@h/db\nOTHER=1\n")
    settings = load_settings({"STRIPE_API_KEY": "sk_test_y"}, cwd=tmp_path)
    (file,) = settings.files
    assert (file.path, file.names) == (tmp_path / ".env", ("DATABASE_URL",))
    assert "S3CRET" not in repr(settings)
    assert "sk_test_y" not in repr(settings)


def test_a_dotenv_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHECKOUT_PORT=1\n")
    (tmp_path / ".env").chmod(0o666)
    assert "can be changed by every user" in refused(tmp_path)


@pytest.mark.parametrize("link", ["tcp://10.96.0.5:80", "udp://10.96.0.5:80"])
def test_the_port_that_kubernetes_sets_for_a_service_of_our_name_is_no_setting(tmp_path: Path, link: str) -> None:
    assert load_settings({"CHECKOUT_PORT": link}, cwd=tmp_path).port == 8000
    (tmp_path / ".env").write_text("CHECKOUT_PORT=9000\n")
    assert load_settings({"CHECKOUT_PORT": link}, cwd=tmp_path).port == 9000
    assert "CHECKOUT_PORT must be a whole number" in refused(tmp_path, CHECKOUT_PORT="http://10.96.0.5:80")
