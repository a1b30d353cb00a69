"""DATABASE_URL as hosting services give it out, and the words for each way in which it can be wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from checkout_daemon.commands.failures import report
from checkout_daemon.database import url_parameters
from checkout_daemon.database.away import unavailable_when_away
from checkout_daemon.database.hosts import connect
from checkout_daemon.errors import CheckoutError, DatabaseRefused
from tests.support.fronts import CERTIFICATE, offering_tls

TRUSTED = f"sslmode=verify-full&sslrootcert={CERTIFICATE}"


@pytest.fixture
async def url(database_url: str) -> AsyncIterator[str]:
    async with offering_tls(database_url) as url:
        yield url


async def show(url: str, setting: str) -> str:
    connection = await connect(url)
    try:
        shown: str = await connection.fetchval("SELECT current_setting($1)", setting)
        return shown
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("query", "setting", "value"),
    [
        ("sslmode=require&channel_binding=require", "is_superuser", "on"),
        ("sslmode=require&connect_timeout=5", "is_superuser", "on"),
        (TRUSTED, "is_superuser", "on"),
        ("application_name=the%20shop", "application_name", "the shop"),
        ("options=-c%20statement_timeout%3D1234", "statement_timeout", "1234ms"),
        ("target_session_attrs=primary&load_balance_hosts=random", "is_superuser", "on"),
    ],
)
async def test_what_hosting_services_give_out_is_taken(url: str, query: str, setting: str, value: str) -> None:
    assert await show(f"{url}?{query}", setting) == value


async def test_the_machines_own_authorities_can_be_trusted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    url_parameters._system_context.cache_clear()
    assert await show(f"{url}?sslrootcert=system", "is_superuser") == "on"
    url_parameters._system_context.cache_clear()


async def refusal(url: str) -> CheckoutError:
    with pytest.raises(CheckoutError) as caught, unavailable_when_away():
        await connect(url)
    assert "s3cret" not in caught.value.detail
    return caught.value


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "sslrootcert=system",
            "its certificate is not trusted (self-signed certificate): sslrootcert=FILE names the CA",
        ),
        ("sslmode=require&sslrootcert=system", "sslrootcert=system in DATABASE_URL needs sslmode=verify-full"),
        ("sslmode=verify-full", "add sslrootcert=FILE, or sslrootcert=system"),
        ("sslmode=verify-ca&sslrootcert=/no/ca.crt", "sslrootcert of DATABASE_URL names /no/ca.crt: no such file"),
        (f"sslmode=verify-ca&sslrootcert={__file__}", "which holds no certificate in PEM format"),
        ("sslmode=require&sslcert=/no/me.crt", "sslcert of DATABASE_URL names /no/me.crt: no such file"),
        (f"sslmode=require&sslcert={CERTIFICATE}&sslkey=/no/key", "sslkey of DATABASE_URL names /no/key: no such file"),
        ("sslmode=s3cret", "sslmode in DATABASE_URL must be one of disable, allow, prefer, require"),
        ("target_session_attrs=s3cret", "target_session_attrs in DATABASE_URL must be one of any, read-write"),
        ("connect_timeout=s3cret", "connect_timeout in DATABASE_URL must be a number of seconds"),
        ("require_auth=s3cret", "DATABASE_URL has the parameter require_auth, which is not supported: remove it"),
        ("hostaddr=127.0.0.1", "DATABASE_URL has the parameter hostaddr, which is not supported: remove it"),
    ],
)
async def test_each_fault_of_a_parameter_has_its_own_words(
    url: str, query: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # without ~/.postgresql
    error = await refusal(f"{url}?{query}")
    assert words in error.detail
    assert error.exit_code == 2


def changed(url: str, **parts: str) -> str:
    split = urlsplit(url)
    user = parts.get("user", split.username)
    password = parts.get("password", split.password)
    address = f"{user}{password and f':{password}'}@{parts.get('host', split.hostname)}:{split.port}"
    return f"{split.scheme}://{address}/{parts.get('name', split.path[1:])}"


@pytest.mark.parametrize(
    ("parts", "query", "words"),
    [
        ({"password": "s3cret"}, "", 'the database refuses: password authentication failed for user "checkout"'),
        ({"password": ""}, "", "the database refuses: "),
        ({"user": "nobody"}, "", 'the database refuses: password authentication failed for user "nobody"'),
        ({"name": "nowhere"}, "", 'the database refuses: database "nowhere" does not exist'),
        ({"host": "127.1"}, f"?{TRUSTED}", "its certificate is for another host name than the one in the URL"),
    ],
)
async def test_a_server_that_refuses_the_url_is_not_called_silent(
    url: str, parts: dict[str, str], query: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = await refusal(changed(url, **parts) + query)
    assert isinstance(error, DatabaseRefused)
    assert words in error.detail
    assert report(error) == 2
    assert "; correct DATABASE_URL" in capsys.readouterr().err


async def test_a_server_without_tls_is_named(database_url: str) -> None:
    error = await refusal(f"{database_url}?sslmode=require")
    assert error.detail == "the database cannot be used: it does not offer TLS, which sslmode asks for"
    assert error.exit_code == 2
