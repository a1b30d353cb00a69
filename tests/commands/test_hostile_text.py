"""Whatever text is in the database or in Stripe's answers: no command passes on what terminals or spreadsheets obey."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

import cli
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.commands.failures import report
from checkout_daemon.errors import StripeRejected
from checkout_daemon.ledger.apply import ReceivedEvent, apply_batch
from checkout_daemon.ledger.translate.envelope import parse_event
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import Do, Run, go
from tests.commands.every_command import AT_STRIPE, OTHERWISE, WRITING
from tests.commands.test_orders_watch import program
from tests.support.hostile import FREE, HOSTILE, declined_charge, dispute_object, poison, unsafe_in
from tests.support.selling import to_be_sent
from tests.support.shopping import paid_order
from tests.support.stripe_events import event_body, refund_object
from tools.manual import walk

# What only we write: ids, codes, amounts in words, canonical JSON.
OURS = {
    "acts": "kind reason subject",
    "alerts": "kind",
    "anchors": "key_id",
    "api_tokens": "id name",
    "balance_transactions": "category currency id payment_id payout_id source_currency source_id type",
    "batch_items": "currency kind object_id status subject",
    "batches": "act options status",
    "canceled_payments": "id",
    "charges": "brand country decline_code funding id last4 method network payment_id risk_level status wallet",
    "checkout_sessions": "id outcome status",
    "cursors": "holder name value",
    "discounts": "code currency",
    "dispute_drafts": "dispute_id texts",
    "dispute_requests": "act dispute_id receipt_file shown_status status texts",
    "disputes": "currency event_id id payment_id status",
    "fraud_warnings": "decision event_id id payment_id",
    "missing_orders": "currency session_id",
    "item_care": "item",
    "links": "source_id target_id",
    "operator_log": "after before details kind personal",
    "operators": "name role",
    "proposals": "act currency decided_by items payment_id proposed_by reason state status",
    "order_changes": "cause from_status to_status",
    "order_items": "sku",
    "order_shipping": "collected_by country rate",
    "order_taxes": "tax_class",
    "order_keys": "idempotency_key",
    "orders": "currency idempotency_key imported_from status",
    "outbox": "channel endpoint kind payload status subject_id",
    "payment_observations": "currency payment_id",
    "payments": "id",
    "payouts": "currency failure_code id reconciliation status",
    "products": "currency sku",
    "refund_hints": "charge_id event_id payment_id",
    "refund_requests": "currency items parameters payment_id refund_id",
    "refunds": "currency id payment_id request_id status",
    "schema_backfills": "position",
    "schema_migrations": "name",
    "secret_matches": "fingerprint",
    "session_attempts": "parameters session_id",
    "stock_movements": "kind sku",
    "stock_reservations": "late sku state",
    "stripe_accounts": "id",
    "stripe_event_payloads": "event_id payload",
    "stripe_events": "id status subject_id",
    "webhook_endpoints": "name old_secret secret url",
}
SHOWN = (
    "orders list", "orders show 1001", "orders explain 1001", "events list", "events list --status failed",
    "events show evt_failed", "events show evt_dispute", "sessions list", "sessions show 1001", "outbox list",
    "outbox list --status dead", "catalog list", "catalog list --discounts", "reconcile",
    "todo", "batches list", "batches show 1", "tokens list --all", "outbox show MESSAGE",
    "outbox endpoints list", "stock list --all", "stock history NOTE",
    "disputes list", "disputes show dp_1", "disputes evidence dp_1",
    "operators list", "proposals list", "proposals show 1", "audit list", "audit verify",
    "payouts list", "payouts show po_1", "payouts order 1001", "report", "report --by discount", "report --by sku",
    "sessions sync 1001 --dry-run", "sessions resend 1001", "orders note 1001 called", "orders recover cs_test_nothing",
    "webhook show --url https://shop.example/api/webhook", "shop show", "db status", "doctor",
)  # fmt: skip
CSV = ("orders export", "orders export --items", "catalog export")
REFUSED = {"sessions resend 1001": 4, "orders recover cs_test_nothing": 3}
"""The exit codes of the lines that neither do something (0) nor find a fault (1): paid already, not there."""
COMMANDS = {path.removeprefix("checkout ") for path, _ in walk(cli.checkout, "checkout")}
NOT_SHOWN = {
    "audit export": "it writes a file",
    "payouts export": "its lines have no text of anyone's choice",
    "payouts reconcile": "it prints ids and amounts",
}
"""Why a command that reads is not in the lists above."""


@pytest.fixture
def poisoned(do: Do, run: Run, database_url: str) -> CheckoutAnswer:
    """Order 1001 with all that an order can have, and hostile text wherever it fits."""

    async def fill(runtime: Runtime) -> CheckoutAnswer:
        answer = await paid_order(runtime)
        async with runtime.database.connection() as connection:
            payment_id = await connection.fetchval("SELECT id FROM payments")
            await to_be_sent(connection, str(answer.order_id))
        bodies = [
            event_body("charge.dispute.created", dispute_object("dp_1", payment_id, 3399), event_id="evt_dispute"),
            event_body("refund.created", refund_object("re_1", payment_id, 100), event_id="evt_refund"),
            event_body("refund.updated", {"id": 7}, event_id="evt_failed"),
            event_body("price.created", {"id": "price_1"}, event_id="evt_ignored"),
            event_body("charge.failed", declined_charge("ch_1", payment_id), event_id="evt_declined"),
        ]
        await apply_batch(runtime.database, [ReceivedEvent(parse_event(body), datetime.now(UTC)) for body in bodies])
        return answer

    async def spoil() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("UPDATE outbox SET status = 'dead', last_error = 'refused'")
        await connection.execute(
            "INSERT INTO batches (act, options, note, operator, host, status, why, total, failed)"
            " VALUES ('note', '{}', 'note', 'anna', 'desk', 'stopped', 'why', 1, 1)"
        )
        await connection.execute(
            "INSERT INTO batch_items (batch, position, subject, status, kind, outcome)"
            " VALUES (1, 0, '1001', 'failed', 'kind', 'outcome')"
        )
        await connection.execute(
            "INSERT INTO payouts (id, livemode, amount, currency, status, automatic, reconciliation, created_at,"
            " arrives_at) VALUES ('po_1', false, 500, 'eur', 'paid', false, 'not_applicable', now(), now())"
        )
        await poison(connection)
        await connection.close()

    answer = do(fill)
    assert run("orders", "note", "1001", "called").code == 0
    assert run("orders", "assign", "1001", "anna").code == 0
    assert run("tokens", "create", "erp").code == 0
    assert run("stock", "set", "NOTE", "5", "--note", "counted").code == 0
    assert run("outbox", "endpoints", "add", "erp", "https://erp.example/hooks").code == 0
    assert run("outbox", "endpoints", "disable", "erp").code == 0
    hook = "https://shop.example/api/webhook"
    assert run("webhook", "create", "--replace", "--yes", "--url", hook).code == 0
    go(propose(database_url, str(answer.order_id)))
    go(spoil())
    return answer


async def propose(database_url: str, order_id: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO proposals (id, act, order_id, note, state, proposed_by, host, expires_at)"
        " VALUES (gen_random_uuid(), 'cancel', $1, 'twice', '', 'bo', 'desk', now() + interval '1 day')",
        order_id,
    )
    await connection.close()


async def text_columns(database_url: str) -> dict[str, set[str]]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace"
        " AND atttypid = 'text'::regtype AND attnum > 0"
    )
    await connection.close()
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return found


def test_every_column_of_text_is_ours_or_free(database_url: str) -> None:
    known = {table: set(f"{OURS.get(table, '')} {FREE.get(table, '')}".split()) for table in OURS | FREE}
    assert go(text_columns(database_url)) == known


def command_of(line: str) -> str:
    return next(name for name in COMMANDS if f"{line} ".startswith(f"{name} "))


def test_every_command_that_shows_something_is_tried_or_has_a_reason() -> None:
    tried = {command_of(line) for line in (*SHOWN, *CSV)}
    assert COMMANDS - WRITING.keys() - AT_STRIPE.keys() - OTHERWISE.keys() - NOT_SHOWN.keys() - tried == set()
    assert NOT_SHOWN.keys() <= COMMANDS - tried
    assert len({*SHOWN}) == len(SHOWN)


@pytest.mark.usefixtures("poisoned")
def test_no_command_passes_it_to_the_terminal(run: Run) -> None:
    message = run("outbox", "list", "--json").lines[0]["id"]
    for line in SHOWN:
        typed = line.replace("MESSAGE", message).split()
        for words in (typed, [*typed, "--json"]):
            ran = run(*words)
            assert ran.code in ({REFUSED[line]} if line in REFUSED else {0, 1}), (words, ran.err)
            assert unsafe_in(ran.out + ran.err) == set(), words
            assert [shown for shown in (ran.out + ran.err).splitlines() if shown.startswith("Bcc:")] == [], words
            if "--json" in words and "export" not in words:
                assert all(json.loads(shown) is not None for shown in ran.out.splitlines()), words


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("line", ["orders watch", "events tail"])
def test_no_command_that_follows_passes_it_to_the_terminal(database_url: str, tmp_path: Path, line: str) -> None:
    with program(database_url, tmp_path, *line.split(), "--since", "1h") as process:
        assert process.stdout is not None
        shown = process.stdout.readline()
        process.terminate()
    assert "=1+1" in shown
    assert unsafe_in(shown) == set()


@pytest.mark.usefixtures("poisoned")
def test_json_says_what_is_stored(run: Run) -> None:
    assert {line["customer_name"] for line in run("orders", "list", "--json").lines} == {HOSTILE}
    assert {line["last_error"] for line in run("outbox", "list", "--json").lines} == {HOSTILE}


@pytest.mark.usefixtures("poisoned")
def test_no_cell_is_a_formula(run: Run) -> None:
    for line in CSV:
        cells = [cell for row in csv.reader(io.StringIO(run(*line.split()).out)) for cell in row]
        assert [cell for cell in cells if cell.startswith("'=1+1")] != [], line
        assert [cell for cell in cells if cell[:1] in tuple("=+-@")] == [], line


@pytest.mark.usefixtures("poisoned")
def test_a_file_that_is_printed_on_a_terminal_is_plain(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for line in CSV:
        ran = run(*line.split())
        assert "<script>" in ran.out
        assert unsafe_in(ran.out) == set(), line


def test_what_stripe_refuses_with_is_plain(capfd: pytest.CaptureFixture[str]) -> None:
    assert report(StripeRejected(f"Stripe refused: {HOSTILE}")) == 1
    assert unsafe_in(capfd.readouterr().err) == set()
