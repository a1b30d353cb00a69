"""API keys and signing secrets: where a key may be sent, and invalid ones are refused at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings import STRIPE_API_BASE, load_settings
from checkout_daemon.stripe_api.client import StripeGateway
from tests.settings.refusing import LIVE, refused


@pytest.mark.parametrize("key", [LIVE, "rk_live_S3CR3T", "sk_org_S3CR3T", "sk_S3CR3T", "rk_S3CR3T", "sk_TEST_S3CR3T"])
@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:8001",
        "http://api.stripe.com",
        "https://api.stripe.com.evil.example",
        "https://api.stripe.com:444",
        "https://api.stripe.com/proxy",
        "https://localhost:1",
    ],
)
def test_a_key_that_is_not_surely_a_test_key_goes_to_stripe_only(tmp_path: Path, key: str, base: str) -> None:
    (tmp_path / ".env").write_text(f"STRIPE_API_BASE={base}\n")
    message = refused(tmp_path, STRIPE_API_KEY=key)
    assert "STRIPE_API_KEY is a live key" in message
    assert base in message
    assert "S3CR3T" not in message
    with pytest.raises(ConfigurationError):
        StripeGateway(key, base)


@pytest.mark.parametrize(
    "base", ["https://api.stripe.com@evil.example", "https://u:p@api.stripe.com", "ftp://x", "x y"]
)
def test_an_address_of_stripe_that_is_a_trick_is_refused(tmp_path: Path, base: str) -> None:
    assert "STRIPE_API_BASE" in refused(tmp_path, STRIPE_API_KEY=LIVE, STRIPE_API_BASE=base)
    assert "STRIPE_API_BASE" in refused(tmp_path, STRIPE_API_KEY="sk_test_x", STRIPE_API_BASE=base)


@pytest.mark.parametrize("base", ["https://api.stripe.com/", "HTTPS://API.STRIPE.COM", "https://api.stripe.com:443"])
def test_stripe_s_own_address_has_one_form(tmp_path: Path, base: str) -> None:
    settings = load_settings({"STRIPE_API_KEY": LIVE, "STRIPE_API_BASE": base}, cwd=tmp_path)
    assert (settings.stripe_api_base, settings.livemode) == (STRIPE_API_BASE, True)


@pytest.mark.parametrize(
    ("key", "live"),
    [("sk_test_x", False), ("rk_test_x", False), ("sk_org_x", True), ("sk_x", True), ("rk_live_x", True)],
)
def test_only_a_test_key_is_a_test_key(tmp_path: Path, key: str, live: bool) -> None:
    assert load_settings({"STRIPE_API_KEY": key}, cwd=tmp_path).livemode is live
    assert load_settings({}, cwd=tmp_path).livemode is False


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{}", "prefix whsec_ and nothing else"),
        ("{}A1;whsec_B2", "two secrets without a comma"),
        ("{}A1;", "semicolon"),
        ("{}A1\nwhsec_B2", "more than one line"),
        ("{}A1\rwhsec_B2", "more than one line"),
        ("{}A1 B2", "space"),
        ("{}A1\tB2", "U+0009"),
        ("{}A1\u200bB2", "U+200B"),
        ("{}A1\u200b", "U+200B"),
        ("\ufeff{}A1", "U+FEFF"),
        ("{}A1\u00a0B2", "space"),
        ('"{}A1"', "whsec_"),
        ('{}A1"', "quotation mark"),
        ("{}\u2026", "U+2026"),
        ("{}...", "U+002E"),
        ("{}A1whsec_B2", "two secrets without a comma"),
        ("{}A1,whsec_", "secret 2 of 2"),
        ("{}A1,sk_test_B2", "secret 2 of 2"),
        ("{}\uff21\uff22", "U+FF21"),
        ("WHSEC_A1", "start with whsec_"),
    ],
)
def test_a_webhook_secret_that_can_match_nothing_is_refused_by_name(tmp_path: Path, value: str, message: str) -> None:
    value = value.format(
        "whsec_S3CR3T" if message != "prefix whsec_ and nothing else" and value[2:3] == "A" else "whsec_"
    )
    for environ in ({"STRIPE_WEBHOOK_SECRET": value}, {"STRIPE_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}):
        (tmp_path / "secret").write_text(value, newline="")
        detail = refused(tmp_path, **environ)
        assert "STRIPE_WEBHOOK_SECRET" in detail
        assert message in detail
        assert "S3CR3T" not in detail


@pytest.mark.parametrize(
    "value", ["whsec_A1", "whsec_A1,whsec_B2", " whsec_A1 , whsec_B2 ,", "whsec_A+/=_-z", "whsec_A1\n", "whsec_A1\r\n"]
)
def test_a_webhook_secret_as_stripe_gives_it_is_taken(tmp_path: Path, value: str) -> None:
    (tmp_path / "secret").write_text(value, newline="")
    settings = load_settings({"STRIPE_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}, cwd=tmp_path)
    assert all(secret.startswith("whsec_") and secret == secret.strip() for secret in settings.webhook_secrets)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sk_test_", "nothing after its prefix"),
        ("sk_live_", "nothing after its prefix"),
        ("rk_", "nothing after its prefix"),
        ("sk_test_S3CR3T\u200b", "U+200B"),
        ("sk_test_S3CR3T\nsk_test_b", "more than one line"),
        ("sk_test_S3CR3T,sk_test_b", "comma"),
        ("sk_test_S3CR3T b", "space"),
        ("sk_test_S3CR3T'", "quotation mark"),
        ("pk_test_S3CR3T", "sk_ or rk_"),
        ("sk_test_\u2026", "U+2026"),
        ("\ufeffsk_test_S3CR3T", "U+FEFF"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused_by_name(tmp_path: Path, key: str, message: str) -> None:
    detail = refused(tmp_path, STRIPE_API_KEY=key)
    assert "STRIPE_API_KEY" in detail
    assert message in detail
    assert "S3CR3T" not in detail


def test_every_setting_is_free_of_invisible_characters_and_a_name_may_join_letters(tmp_path: Path) -> None:
    assert "DATABASE_URL contains an invisible character (U+200B)" in refused(
        tmp_path, DATABASE_URL="postgresql://h/db\u200b"
    )
    assert "CHECKOUT_SMTP_URL is not UTF-8 text" in refused(tmp_path, CHECKOUT_SMTP_URL="smtp://\udcff")
    assert load_settings({"CHECKOUT_SHOP_NAME": "فروشگاه\u200cها"}, cwd=tmp_path).shop_name == "فروشگاه\u200cها"
