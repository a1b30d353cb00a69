"""Settings: where they may come from, and what is refused at start because it can never work or is dangerous."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.gateway.client import StripeGateway
from checkout_daemon.services.stripe_cli import cli_base
from checkout_daemon.settings import STRIPE_API_BASE, Settings, load_settings
from checkout_daemon.urls import same_address, shown_url

LIVE = "sk_live_S3CR3T0123456789"
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


def refused(cwd: Path, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ, cwd=cwd)
    return caught.value.detail


def demo_of(settings: Settings) -> dict[str, object]:
    return {
        "DATABASE_URL": settings.database_url,
        "STRIPE_API_KEY": settings.stripe_api_key,
        "STRIPE_API_BASE": settings.stripe_api_base,
        "STRIPE_WEBHOOK_SECRET": ",".join(settings.webhook_secrets),
        "CHECKOUT_PUBLIC_URL": settings.public_url,
    }


# A demo's settings: all of them or none -------------------------------------------------------------------------------


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
def test_a_daemon_takes_a_demo_only_if_nothing_says_which_shop_it_serves(tmp_path: Path, name: str) -> None:
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


# Keys -----------------------------------------------------------------------------------------------------------------


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
    said = refused(tmp_path, STRIPE_API_KEY=key)
    assert "STRIPE_API_KEY is a live key" in said
    assert base in said
    assert "S3CR3T" not in said
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


# What can match nothing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
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
def test_a_webhook_secret_that_can_match_nothing_is_refused_by_name(tmp_path: Path, value: str, said: str) -> None:
    value = value.format("whsec_S3CR3T" if said != "prefix whsec_ and nothing else" and value[2:3] == "A" else "whsec_")
    for environ in ({"STRIPE_WEBHOOK_SECRET": value}, {"STRIPE_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}):
        (tmp_path / "secret").write_text(value, newline="")
        detail = refused(tmp_path, **environ)
        assert "STRIPE_WEBHOOK_SECRET" in detail
        assert said in detail
        assert "S3CR3T" not in detail


@pytest.mark.parametrize(
    "value", ["whsec_A1", "whsec_A1,whsec_B2", " whsec_A1 , whsec_B2 ,", "whsec_A+/=_-z", "whsec_A1\n", "whsec_A1\r\n"]
)
def test_a_webhook_secret_as_stripe_gives_it_is_taken(tmp_path: Path, value: str) -> None:
    (tmp_path / "secret").write_text(value, newline="")
    settings = load_settings({"STRIPE_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}, cwd=tmp_path)
    assert all(secret.startswith("whsec_") and secret == secret.strip() for secret in settings.webhook_secrets)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk_test_", "nothing behind its prefix"),
        ("sk_live_", "nothing behind its prefix"),
        ("rk_", "nothing behind its prefix"),
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
def test_a_key_that_cannot_be_one_is_refused_by_name(tmp_path: Path, key: str, said: str) -> None:
    detail = refused(tmp_path, STRIPE_API_KEY=key)
    assert "STRIPE_API_KEY" in detail
    assert said in detail
    assert "S3CR3T" not in detail


def test_every_setting_is_free_of_invisible_characters_and_a_name_may_join_letters(tmp_path: Path) -> None:
    assert "DATABASE_URL contains an invisible character (U+200B)" in refused(
        tmp_path, DATABASE_URL="postgresql://h/db\u200b"
    )
    assert "CHECKOUT_SMTP_URL is not UTF-8 text" in refused(tmp_path, CHECKOUT_SMTP_URL="smtp://\udcff")
    assert load_settings({"CHECKOUT_SHOP_NAME": "فروشگاه\u200cها"}, cwd=tmp_path).shop_name == "فروشگاه\u200cها"


# URLs -----------------------------------------------------------------------------------------------------------------


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


def test_the_stripe_cli_gets_an_ipv6_address_in_brackets() -> None:
    assert cli_base("http://[::1]:8001") == "http://[::1]:8001"
    assert cli_base("http://localhost:8001") == "http://127.0.0.1:8001"


def test_the_shop_s_own_address_may_hold_a_password_that_is_never_shown(tmp_path: Path) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    environ = {
        "CHECKOUT_SHOP_WEBHOOK_SECRET": secret,
        "CHECKOUT_SHOP_WEBHOOK_URL": "HTTPS://u:S3CR3T@shop.example/?a=1",
    }
    assert load_settings(environ, cwd=tmp_path).shop_webhook_url == environ["CHECKOUT_SHOP_WEBHOOK_URL"]
    detail = refused(tmp_path, **environ | {"CHECKOUT_SHOP_WEBHOOK_URL": "https://u:S3CR3T@[bad/"})
    assert "S3CR3T" not in detail


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:S3CR3T@h:5432/db", "postgresql://u@h:5432/db"),
        ("postgresql://u:S3CR3T@h1:1,[::1]:2/db?password=S3CR3T", "postgresql://u@h1:1,[::1]:2/db"),
        ("postgresql:///db?host=/tmp", "postgresql:///db"),
        ("postgresql://u:S3CR3T@[bad/db", None),
        ("postgresql://u:x@h:S3CR3T/db", None),
        ("postgresql://u:S3CR3T/PW@h/db", None),
        ("postgresql://u:S3CR3T@PW@h/db", None),
        ("postgresql://u:S3CR3T#PW@h/db", None),
        ("postgresql://u:S3CR3T PW@h/db", None),
        ("://S3CR3T", None),
        ("S3CR3T", None),
    ],
)
def test_a_url_is_shown_without_its_password_or_not_at_all(url: str, shown: str | None) -> None:
    assert shown_url(url) == shown


def test_a_malformed_url_is_looked_at_in_a_time_that_its_length_bounds() -> None:
    assert shown_url("postgresql://" + "a," * 100_000 + "!") is None
    assert shown_url("postgresql://" + "a," * 900 + "!") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHECKOUT_SMTP_URL", "mail.example"),
        ("CHECKOUT_SMTP_URL", "http://mail.example"),
        ("CHECKOUT_SMTP_URL", "smtp://"),
        ("CHECKOUT_SMTP_URL", "smtp://mail.example:99999"),
        ("CHECKOUT_SMTP_URL", "smtp://mail.example?starttls=maybe"),
        ("CHECKOUT_MAIL_FROM", "shop"),
        ("CHECKOUT_MAIL_FROM", "Shop shop@shop.example"),
        ("CHECKOUT_MAIL_FROM", "shop@shop.example, other@shop.example"),
        ("CHECKOUT_MAIL_FROM", "<>"),
        ("CHECKOUT_MAIL_REPLY_TO", "@shop.example"),
        ("CHECKOUT_MAIL_REPLY_TO", "shop@shop.example."),
        ("CHECKOUT_ALERT_TO", "ops"),
        ("CHECKOUT_ALERT_TO", "ops@shop.example;more@shop.example"),
        ("CHECKOUT_ALERT_TO", "ops@shop.example, more"),
        ("STRIPE_API_BASE", "https://api.stripe.com/v1"),
        ("STRIPE_API_BASE", "http://localhost:8001/v1/"),
    ],
)
def test_what_could_never_send_a_mail_or_reach_stripe_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} "):
        load_settings({name: value}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHECKOUT_SMTP_URL", "smtp://user:p%40ss@mail.example:587?starttls=always"),
        ("CHECKOUT_SMTP_URL", "smtps://user@shop.example:secret@mail.example"),
        ("CHECKOUT_SMTP_URL", "smtp://[::1]:2525"),
        ("CHECKOUT_MAIL_FROM", "M\u00fcller & S\u00f6hne, Wien <shop@shop.example>"),
        ("CHECKOUT_MAIL_FROM", '"Shop: best" <shop+orders@shop.example>'),
        ("CHECKOUT_MAIL_REPLY_TO", "shop@localhost"),
        ("CHECKOUT_ALERT_TO", "ops@shop.example, Night <o'brien@shop.example>,"),
    ],
)
def test_mail_settings_of_every_usual_form_are_taken(tmp_path: Path, name: str, value: str) -> None:
    load_settings({name: value}, cwd=tmp_path)


def test_no_limit_on_checkouts_is_no_limit_at_all_unless_one_is_set(tmp_path: Path) -> None:
    usual = load_settings({}, cwd=tmp_path)
    assert min(usual.rate_limit, usual.quote_limit, usual.look_limit, usual.failed_tries) > 0
    off = load_settings({"CHECKOUT_RATE_LIMIT": "0", "CHECKOUT_LOOK_LIMIT": "5"}, cwd=tmp_path)
    assert (off.rate_limit, off.quote_limit, off.look_limit, off.failed_tries) == (0, 0, 5, 0)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("https://Shop.Example:443/api/webhook", True),
        ("HTTPS://shop.example/api/webhook", True),
        ("https://shop.example/api/webhook/", False),  # the daemon has no such path
        ("https://shop.example/API/webhook", False),
        ("http://shop.example/api/webhook", False),
        ("https://shop.example/api/webhook?a=1", False),
        ("not a url", False),
    ],
)
def test_endpoints_are_compared_as_addresses(other: str, same: bool) -> None:
    assert same_address("https://shop.example/api/webhook", other) is same
