"""Settings of mail and of the Stripe API's address: invalid values are refused at start."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings import load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHECKOUT_SMTP_URL", "mail.example"),
        ("CHECKOUT_SMTP_URL", "http://mail.example"),
        ("CHECKOUT_SMTP_URL", "smtp://"),
        ("CHECKOUT_SMTP_URL", "smtp://mail.example:99999"),
        ("CHECKOUT_SMTP_URL", "http://mail.example:587"),
        ("CHECKOUT_SMTP_URL", "ssl://mail.example:465"),
        ("CHECKOUT_SMTP_URL", "smpts://mail.example:465"),
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
        ("CHECKOUT_ALERT_TO", ","),
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
