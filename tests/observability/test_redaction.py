"""Personal data and secrets are removed from logs; ids and amounts stay."""

from __future__ import annotations

import pytest

from checkout_daemon.observability.redaction import redact, shorten_ids


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("mail to ada.lovelace+shop@mail.example.co.uk failed", "mail to [email] failed"),
        ("<ada@example.com>, bob@example.com", "<[email]>, [email]"),
        ('{"email":"ada@example.com"}', '{"email":"[email]"}'),
        ("ädå@exämple.com", "[email]"),
        ("called +43 664 1234567.", "called [phone]."),
        ("called +436641234567", "called [phone]"),
        ("called +1 (555) 010-9999 twice", "called [phone] twice"),
        ("key sk_test_51Habc_DEF", "key sk_test_[secret]"),
        ("key sk_live_abc, rk_live_def", "key sk_live_[secret], rk_live_[secret]"),
        ("signed with whsec_abc123==", "signed with whsec_[secret]"),
        ("whsec_ab+cd/ef-gh_ij=, whsec_2", "whsec_[secret], whsec_[secret]"),
        ("pi_3abc_secret_XyZ123 of pi_3abc", "pi_3abc_secret_[secret] of pi_3abc"),
        ("postgresql://u:p@ss@h/db", "postgresql://u:[password]@h/db"),
        ("postgresql://u:p/w#x@h/db and more", "postgresql://u:[password]@h/db and more"),
        ("PGPASSWORD=hunter2 psql", "PGPASSWORD=[password] psql"),
        ("postgresql://shop:hunter2@db.internal:5432/shop", "postgresql://shop:[password]@db.internal:5432/shop"),
        ("redis://:hunter2@cache:6379", "redis://:[password]@cache:6379"),
        (
            "postgresql://u@h/db?sslmode=require&password=p&x=1",
            "postgresql://u@h/db?sslmode=require&password=[password]&x=1",
        ),
        ("smtp://me%40example.com:p%2Fw@mail:587", "smtp://me%40example.com:[password]@mail:587"),
    ],
)
def test_personal_data_and_secrets_are_taken_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "order 1001 of 2400 eur at 2026-11-23T04:00:00+00:00",
        "cs_test_a1b2 pi_3 evt_1 6f1c0d9e-1111-4222-8333-444455556666",
        "POST /api/stripe-checkout/{ref} 201 in 12.3 ms",
        "2 + 2 = 4, +1, +49",
        "the task_queue and risk_level are fine",
        "user@localhost",
    ],
)
def test_what_is_neither_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shortened"),
    [
        ("order_id=6f1c0d9e-1111-4222-8333-444455556666", "order_id=6f1c0d9e..."),
        ("message 6f1c0d9e-1111-4222-8333-444455556666, mail", "message 6f1c0d9e-1111-4222-8333-444455556666, mail"),
        ("/api/stripe-checkout/6F1C0D9E-1111-4222-8333-444455556666/retry", "/api/stripe-checkout/6F1C0D9E.../retry"),
        ("cs_test_a1b2c3d4e5f6g7h8i9 is open", "cs_test_a1b2c3d4... is open"),
        ("/c/pay/cs_live_a1b2c3d4e5f6g7h8#x", "/c/pay/cs_live_a1b2c3d4...#x"),
        ("pi_3 evt_1PqrstuvwxyzABCDEF0123", "pi_3 evt_1PqrstuvwxyzABCDEF0123"),
        ("2026-11-28T10:00:00 0f-a1", "2026-11-28T10:00:00 0f-a1"),
    ],
)
def test_what_opens_an_order_is_cut_short(text: str, shortened: str) -> None:
    assert shorten_ids(text) == shortened
