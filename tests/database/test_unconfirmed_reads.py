"""Every use of the database whose commit may wait for no standby has a reason here why no answer rests on it alone.

`Database.run` and `transaction` confirm what they read. For everything else somebody has to think: docs/adr/0002.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SHOWS = "shows what is stored, and promises nothing"
LOOKS = "looks for work; what is done about it is confirmed by the transaction that does it"
WRITES = "always writes when its result counts, so its own commit waits"
LATER = "what is answered is confirmed by a transaction that follows"
ITSELF = "calls confirm_durable where it answers from a read"
CHECKS = "compares or checks; its result is a refusal or a report"

REASONS = {
    "audit.audit_log.anchor": WRITES,
    "audit.audit_log.verify": CHECKS,
    "audit.exporting.export_lines": SHOWS,
    "audit.exporting.find_entry": SHOWS,
    "audit.exporting.list_entries": SHOWS,
    "audit.registering.list_operators": SHOWS,
    "audit.rights.require_acting": CHECKS,
    "audit.registering.recognize": LATER,
    "proposals.listing.find_proposal": SHOWS,
    "proposals.listing.all_proposals.read": SHOWS,
    "proposals.listing.page_of_proposals": SHOWS,
    "bank.exporting.export_lines": SHOWS,
    "bank.order_lines.every_line": SHOWS,
    "bank.order_lines.lines_of_order": SHOWS,
    "bank.order_lines.lines_of_source": SHOWS,
    "bank.payouts._compare": CHECKS,
    "bank.payouts.lines_of": SHOWS,
    "bank.payouts.list_payouts": SHOWS,
    "bank.payouts.read_payout": SHOWS,
    "bank.reading._Reader._read_lines_of_payouts": LOOKS,
    "bank.reading._Reader._read_payouts": LOOKS,
    "bank.reading.read_balance": LOOKS,
    "bank.reading.read_payout_lines": WRITES,
    "bank.reports.read_report": SHOWS,
    "batches.listing.page_of_batches": SHOWS,
    "batches.listing.all_items.read": SHOWS,
    "batches.listing.show_batch": SHOWS,
    "batches.listing.stop_batch": WRITES,
    "batches.planning.start_batch": WRITES,
    "batches.running._end": WRITES,
    "batches.running._in_groups": LOOKS,
    "batches.running._one_by_one": "an item is begun once the write that marks it is confirmed",
    "batches.running.read_batch": SHOWS,
    "batches.running.claim_batch": WRITES,
    "batches.running.run_batch": WRITES,
    "batches.running.run_left_batches": WRITES,
    "disputes.answering.resume_answers": LOOKS,
    "disputes.drafts.read_case": "what is sent is compared again under the order's lock",
    "disputes.drafts.read_desk": SHOWS,
    "catalog.catalog.export_catalog": SHOWS,
    "catalog.catalog.list_discounts": SHOWS,
    "catalog.catalog.list_products": SHOWS,
    "catalog.memory.CatalogMemory._compare": "prices from memory are compared again when an order is placed",
    "catalog.quotes.quote": "a quote is no promise: the price is compared again when the order is placed",
    "checkout.canceling.cancel_order": "reads the order back after the confirmed transaction",
    "checkout.coupons.delete_spent_coupons": "deleting a coupon twice, or one that a retry makes again, is harmless",
    "checkout.coupons.orders_with_stray_coupon": CHECKS,
    "checkout.doubtful_sessions._adopt": WRITES,
    "checkout.doubtful_sessions._record_look": WRITES,
    "checkout.doubtful_sessions.settle_doubtful_sessions": LOOKS,
    "checkout.releasing.release_lapsed": LOOKS,
    "checkout.expiring.expire_sessions": "reads the order back after the confirmed transaction",
    "checkout.placing._alike_orders": LATER,
    "checkout.placing._answer": "reads what the confirmed transaction of its session has written",
    "checkout.placing._order_of_key": LATER,
    "checkout.placing._place": "an order that was placed was written; if none was, the plan of its session confirms",
    "checkout.resending.resend_session": LATER,
    "checkout.session_lists.find_sessions": SHOWS,
    "checkout.session_lists.read_sessions_of_order": SHOWS,
    "checkout.sessions._adopt": "it writes the session, or a confirmed transaction follows",
    "checkout.sessions._reject": WRITES,
    "checkout.sessions.refresh_sessions": LOOKS,
    "checkout.shopper_view.count_declines": CHECKS,
    "checkout.shopper_view.count_declines_of": CHECKS,
    "checkout.shopper_view.resolve_ref": LATER,
    "checkout.shopper_view.show_to_shopper": SHOWS,
    "clocks.read_database_clock": CHECKS,
    "database.leases.Lease.note": WRITES,
    "database.leases.Lease.renew": WRITES,
    "database.leases.Lease.save": WRITES,
    "database.leases.leased": WRITES,
    "events.event_lists.read_payloads": SHOWS,
    "events.charge_filling.fill_charges": LOOKS,
    "events.dismissing.find_dismissal": SHOWS,
    "events.event_lists.all_events.read": SHOWS,
    "events.event_lists.page_of_events": SHOWS,
    "events.event_lists.read_unapplied": SHOWS,
    "events.event_lists.show_event": SHOWS,
    "events.new_types.apply_new_types": LOOKS,
    "events.replaying._read_ahead.read": LATER,
    "ledger.apply.apply_batch": ITSELF,
    "ledger.apply.confirm_held": "its statement writes a WAL record of its own",
    "ledger.apply.retry_due_events": WRITES,
    "ledger.missing_orders.look_after_restore": LOOKS,
    "ledger.missing_orders.missing": SHOWS,
    "messages.alerting._fetched_lately": LATER,
    "messages.alerting.alert_about_dead_letters": WRITES,
    "messages.alerting.alert_about_silence": LATER,
    "messages.delivering._deliver": WRITES,
    "messages.delivering.count_backlog": SHOWS,
    "messages.delivering.deliver_due": "a message is sent once the write that claims it is confirmed",
    "messages.delivering.owe_again": WRITES,
    "messages.delivering.skip_unconfigured": WRITES,
    "messages.delivering.spread_waiting": WRITES,
    "messages.deadlines.alert_about_deadlines": LOOKS,
    "messages.dismissing.find_dismissal": SHOWS,
    "messages.mails.send_alert": "shows what the message is about; the write that claimed it is confirmed",
    "messages.mails.send_customer_mail": "shows what the message is about; the write that claimed it is confirmed",
    "messages.shop_webhooks.send_webhook": "shows what the message is about; the write that claimed it is confirmed",
    "orders.exporting._add_shipping": SHOWS,
    "messages.reminders.count_recovered": SHOWS,
    "messages.reminders.owe_reminders": WRITES,
    "operations.backups._current_schema": CHECKS,
    "operations.backups.read_last_backup": SHOWS,
    "operations.backups.record_backup": WRITES,
    "operations.foreign_payloads.drop_foreign_payloads": LOOKS,
    "operations.backups._find_tools": CHECKS,
    "operations.backups._selected": "reads what to leave out of a backup; nothing is promised from it",
    "operations.doctor.connections.connections_suffice": CHECKS,
    "operations.doctor.database.key_mode_agrees": CHECKS,
    "operations.doctor.balance.balance_read": CHECKS,
    "operations.doctor.database.no_dead_letters": CHECKS,
    "operations.doctor.database.nothing_missing": CHECKS,
    "operations.doctor.database.orders_whole": CHECKS,
    "operations.doctor.database.schema_fits": CHECKS,
    "operations.doctor.live.orders_are_real": CHECKS,
    "operations.doctor.machine._waiting_mails": CHECKS,
    "operations.doctor.replication.answers_are_kept": CHECKS,
    "operations.doctor.rights.rights_suffice": CHECKS,
    "operations.doctor.stripe.stripe_answers": CHECKS,
    "operations.gauges.count_trouble": SHOWS,
    "operations.retention.drop_old_payloads": WRITES,
    "operations.retention.make_payload_partitions": WRITES,
    "operations.schema._read_state": CHECKS,
    "operations.schema.finish_migrations": WRITES,
    "operations.vital_signs.read_vital_signs": SHOWS,
    "orders.caring.read_care": SHOWS,
    "orders.destinations._event_of_request": SHOWS,
    "orders.erasing._forget_together": LOOKS,
    "orders.erasing._sweep": LATER,
    "orders.erasing.erase": "reads before and after the confirmed transactions",
    "orders.erasing.forget_unpaid": LOOKS,
    "orders.erasing.plan_erasure": CHECKS,
    "orders.explaining.explain.explain_order": SHOWS,
    "orders.exporting._page": SHOWS,
    "orders.exporting.export_these": SHOWS,
    "orders.figures.read_figures": SHOWS,
    "orders.history.read_history": SHOWS,
    "orders.labels.label_orders": SHOWS,
    "orders.lookup._word": SHOWS,
    "orders.lookup.find_exact_order": SHOWS,
    "orders.lookup.find_order": SHOWS,
    "orders.order_feed.page_of_changed": SHOWS,
    "orders.order_feed.page_of_newest": SHOWS,
    "orders.order_pages.changes_that_fit": SHOWS,
    "orders.order_pages.orders_that_fit": SHOWS,
    "orders.order_pages.orders_with_charges": SHOWS,
    "orders.order_pages.page_of_orders": SHOWS,
    "orders.order_pages._view": SHOWS,
    "orders.refunding.resume_refunds": "a request is resumed once the write that claims it is confirmed",
    "orders.sorted_orders.OrderList._place_in_index": SHOWS,
    "orders.sorted_orders.OrderList.page": SHOWS,
    "orders.sorted_orders.OrderList.rows": SHOWS,
    "orders.terminal_windows._skip": SHOWS,
    "orders.terminal_windows.count_rows": SHOWS,
    "orders.dispute_lists.list_disputes": SHOWS,
    "orders.dispute_lists.read_dispute": SHOWS,
    "orders.terminal_windows.dead_letters": SHOWS,
    "orders.terminal_windows.may_write": CHECKS,
    "orders.shipping.check_shipping": CHECKS,
    "orders.todo.narrow_todo": SHOWS,
    "orders.todo.read_items_of": "a snooze is written by a confirmed transaction, about what was shown",
    "orders.todo.read_todo": SHOWS,
    "orders.time_machine.show_order_at": SHOWS,
    "outbox.listing.all_messages.read": SHOWS,
    "outbox.listing.show_message": SHOWS,
    "serve._prepare_database": CHECKS,
    "stripe_cli.listening._note": WRITES,
    "stripe_cli.listening.listens": CHECKS,
    "stripe_cli.triggering._follow": SHOWS,
    "stripe_cli.triggering.trigger": CHECKS,
    "stripe_sync.importing._check_account": CHECKS,
    "stripe_sync.importing._Importer.take_all": "an order is looked for again under its locks before it is made",
    "stripe_sync.comparing.recheck_drifts": LOOKS,
    "stripe_sync.catching_up.follow_hints": LATER,
    "stripe_sync.catching_up.sweep_expired": LOOKS,
    "orders.fraud_warnings.decide_fraud_warnings": LOOKS,
    "orders.late_refunds.refund_late_payments": LOOKS,
    "stock.counting._changed": SHOWS,
    "stock.counting.list_stock": SHOWS,
    "stock.counting.serve_oversold": LOOKS,
    "stock.counting.stock_history": SHOWS,
    "stock.counting.takes_stock": "only decides whether a person is asked",
    "stripe_sync.pulse.ask_stripe": SHOWS,
    "stripe_sync.pulse.beat": "a note that is lost is written again two seconds later",
    "stripe_sync.reconciling.reconcile": LOOKS,
    "stripe_sync.recovering.plan_recovery": CHECKS,
    "stripe_sync.recovering.recover_order": "reads the order back after the confirmed transaction",
    "stripe_sync.secret_matches.SecretMatches.write": WRITES,
    "stripe_sync.secret_matches.forget_old_matches": WRITES,
    "stripe_sync.secret_matches.matches_lately": SHOWS,
    "stripe_sync.secret_rotation._now": CHECKS,
    "tui.app.Terminal._feel_pulse": SHOWS,
    "messages.delivering._has_others": LOOKS,
    "messages.delivering.deliver_to_endpoints.names": LOOKS,
    "messages.pushes.owe_resolved": WRITES,
    "messages.pushes.send_push": LOOKS,
    "messages.pushes.skip_unknown_pushes": WRITES,
    "messages.webhook_endpoints.find_endpoint": SHOWS,
    "messages.webhook_endpoints.list_endpoints": SHOWS,
    "messages.webhook_endpoints.note_outcome": WRITES,
    "messages.webhook_endpoints.skip_removed": WRITES,
    "tokens.api_tokens.check_bearer": CHECKS,
    "tokens.api_tokens.list_tokens": SHOWS,
}

_PROJECT = Path(__file__).parents[2]
_UNCONFIRMED = ("connection", "run_unconfirmed", "run_statement", "transaction")


def test_every_unconfirmed_use_of_the_database_has_a_reason() -> None:
    found = {use for file in _modules() for use in _uses(file)}
    assert found - REASONS.keys() == set(), "use Database.run, or say here why no answer rests on it"
    assert REASONS.keys() - found == set(), "these uses are gone"


def _modules() -> Iterator[Path]:
    """Yield the modules that have a Database: not the pool itself, nor the offline Stripe, which has none."""
    yield from (_PROJECT / "tui").rglob("*.py")
    package = _PROJECT / "checkout_daemon"
    yield from (
        file
        for file in package.rglob("*.py")
        if file != package / "database" / "pool.py" and not file.is_relative_to(package / "sandbox")
    )


def _uses(file: Path) -> Iterator[str]:
    module = ".".join(file.relative_to(_PROJECT).with_suffix("").parts).removeprefix("checkout_daemon.")

    def visit(node: ast.AST, path: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            inside = f"{path}.{child.name}" if named else path  # type: ignore[attr-defined]  # those have a name
            # Also a method that is passed on instead of being called.
            if isinstance(child, ast.Attribute) and child.attr in _UNCONFIRMED and _is_database(child.value):
                yield path
            yield from visit(child, inside)

    return visit(ast.parse(file.read_text(encoding="utf-8")), module)


def _is_database(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_").endswith("database")
