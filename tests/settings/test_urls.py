"""Settings that are URLs, hosts, networks or origins."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.settings import load_settings
from tests.settings.refusing import refused


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("2001:db8::1", "http://[2001:db8::1]:8000"),
        ("fe80::1%eth0", "http://[fe80::1%25eth0]:8000"),
        ("::", "http://127.0.0.1:8000"),
        ("0:0:0:0:0:0:0:0", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_public_url_of_any_host_is_a_url(tmp_path: Path, host: str, url: str) -> None:
    assert load_settings({"CHECKOUT_HOST": host}, cwd=tmp_path).public_url == url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("HTTPS://Shop.Example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("https://shop.example/a/b//", "https://shop.example/a/b"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("https://shop.example:8443", "https://shop.example:8443"),
    ],
)
def test_a_public_url_has_one_form(tmp_path: Path, given: str, url: str) -> None:
    assert load_settings({"CHECKOUT_PUBLIC_URL": given}, cwd=tmp_path).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example?x=1#f",
        "https://shop.example/#",
        "https://shop.example?",
        "https://u:S3CR3T@shop.example",
        "https://",
        "https:shop.example",
        "//shop.example",
        "shop.example",
        "ftp://shop.example",
        "https://shop.example:0",
        "https://shop.example:99999",
        "https://shop.example:",
        "https://[::1",
        "https://::1:8000",
        "https://shop example",
        "https://shop.example\\x",
        "https://shöp.example",
        "https://shop..example",
        "https://1.2.3",
        "https://shop.example/{CHECKOUT_SESSION_ID}",
    ],
)
def test_a_public_url_that_paths_cannot_be_put_behind_is_refused(tmp_path: Path, url: str) -> None:
    detail = refused(tmp_path, CHECKOUT_PUBLIC_URL=url)
    assert "CHECKOUT_PUBLIC_URL" in detail
    assert "S3CR3T" not in detail


def test_an_origin_is_kept_as_browsers_send_it(tmp_path: Path) -> None:
    origins = "https://Shop.Example:443/, http://localhost:5173,*"
    settings = load_settings({"CHECKOUT_CORS_ORIGINS": origins}, cwd=tmp_path)
    assert settings.cors_origins == ("https://shop.example", "http://localhost:5173", "*")
    assert "CHECKOUT_CORS_ORIGINS" in refused(tmp_path, CHECKOUT_CORS_ORIGINS="https://shop.example/cart")
    assert "CHECKOUT_CORS_ORIGINS" in refused(tmp_path, CHECKOUT_CORS_ORIGINS="shop.example")


@pytest.mark.parametrize("host", ["a b", "http://x", "1.2.3", "[::1", "::g"])
def test_a_host_that_is_none_is_refused(tmp_path: Path, host: str) -> None:
    assert "CHECKOUT_HOST" in refused(tmp_path, CHECKOUT_HOST=host)


def test_the_shop_s_own_address_may_hold_a_password_that_is_never_shown(tmp_path: Path) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    environ = {
        "CHECKOUT_SHOP_WEBHOOK_SECRET": secret,
        "CHECKOUT_SHOP_WEBHOOK_URL": "HTTPS://u:S3CR3T@shop.example/?a=1",
    }
    assert load_settings(environ, cwd=tmp_path).shop_webhook_url == environ["CHECKOUT_SHOP_WEBHOOK_URL"]
    detail = refused(tmp_path, **environ | {"CHECKOUT_SHOP_WEBHOOK_URL": "https://u:S3CR3T@[bad/"})
    assert "S3CR3T" not in detail


@pytest.mark.parametrize("name", ["proxy.internal", "10.0.0.0/33", "::g"])
def test_what_is_no_network_is_refused(tmp_path: Path, name: str) -> None:
    detail = refused(tmp_path, CHECKOUT_TRUSTED_PROXIES=f"10.0.0.0/8, {name}")
    assert detail == f"CHECKOUT_TRUSTED_PROXIES must hold addresses or networks such as 10.0.0.0/8, not {name!r}"
