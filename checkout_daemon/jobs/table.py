"""All background jobs. Any number of daemons may run them, because a job claims its work in the database."""

from __future__ import annotations

from checkout_daemon import clocks
from checkout_daemon.audit.audit_log import anchor_log
from checkout_daemon.bank.reading import read_balance
from checkout_daemon.batches.running import run_left_batches
from checkout_daemon.checkout import coupons
from checkout_daemon.checkout.doubtful_sessions import settle_doubtful_sessions
from checkout_daemon.checkout.releasing import release_lapsed
from checkout_daemon.disputes.answering import resume_answers
from checkout_daemon.events.charge_filling import fill_charges
from checkout_daemon.events.new_types import apply_new_types
from checkout_daemon.jobs.runner import Job
from checkout_daemon.ledger.apply import retry_due_events
from checkout_daemon.ledger.missing_orders import alert_missing
from checkout_daemon.ledger.own_account import learn_own_account
from checkout_daemon.messages import alerting
from checkout_daemon.messages.deadlines import alert_about_deadlines
from checkout_daemon.messages.delivering import (
    count_backlog,
    deliver_due,
    deliver_pushes,
    deliver_to_endpoints,
    owe_again,
    skip_unconfigured,
    spread_waiting,
)
from checkout_daemon.messages.pushes import owe_resolved, skip_unknown_pushes
from checkout_daemon.messages.reminders import count_recovered, owe_reminders
from checkout_daemon.messages.webhook_endpoints import skip_removed
from checkout_daemon.model.messages import Channel
from checkout_daemon.operations import retention
from checkout_daemon.operations.gauges import count_trouble
from checkout_daemon.operations.schema import finish_migrations
from checkout_daemon.orders.erasing import forget_unpaid
from checkout_daemon.orders.fraud_warnings import decide_fraud_warnings
from checkout_daemon.orders.late_refunds import refund_late_payments
from checkout_daemon.orders.refunding import resume_refunds
from checkout_daemon.proposals.deciding import carry_out_approved
from checkout_daemon.stripe_sync import catching_up, pulse
from checkout_daemon.stripe_sync.comparing import recheck_drifts
from checkout_daemon.stripe_sync.secret_matches import forget_old_matches

_HOUR = 3600.0

JOBS = (
    # Events and Stripe's state
    Job("retry-events", 2.0, lambda runtime: retry_due_events(runtime.database)),
    Job("resume-refunds", 5.0, resume_refunds),
    Job("resume-disputes", 5.0, resume_answers),
    Job("refund-late-payments", 5.0, refund_late_payments),
    Job("decide-fraud-warnings", 5.0, decide_fraud_warnings),
    Job("run-batches", 5.0, run_left_batches),
    Job("release-stock", 5.0, release_lapsed, only_if=clocks.clocks_allow),
    Job("run-proposals", 20.0, carry_out_approved),
    Job("settle-sessions", 20.0, settle_doubtful_sessions),
    Job("learn-account", _HOUR, learn_own_account),
    Job("backfill-events", 60.0, catching_up.catch_up),
    Job("follow-refund-hints", 20.0, catching_up.follow_hints),
    Job("sweep-expired", 60.0, catching_up.sweep_expired),
    Job("recheck-drifts", 60.0, recheck_drifts),
    Job("read-balance", 30.0, read_balance),
    Job("fill-charges", 5.0, lambda runtime: fill_charges(runtime.database)),
    Job("apply-new-types", 30.0, lambda runtime: apply_new_types(runtime.database)),
    # The pulse, for terminals
    Job("beat", pulse.BEAT_SECONDS, pulse.beat),
    Job("ask-stripe", pulse.ASK_SECONDS, pulse.ask_stripe),
    # Messages
    Job("deliver-mails", 1.0, lambda runtime: deliver_due(runtime, Channel.MAIL)),
    Job("deliver-alerts", 1.0, lambda runtime: deliver_due(runtime, Channel.ALERT)),
    Job("deliver-webhooks", 1.0, lambda runtime: deliver_due(runtime, Channel.WEBHOOK)),
    Job("deliver-pushes", 1.0, deliver_pushes),
    Job("deliver-endpoints", 1.0, deliver_to_endpoints),
    Job("spread-messages", 5.0, spread_waiting),
    Job("skip-removed", 60.0, lambda runtime: skip_removed(runtime.database)),
    Job("owe-again", 5.0, owe_again),
    Job("owe-reminders", 300.0, owe_reminders, only_if=clocks.clocks_allow),
    Job("count-recovered", 300.0, count_recovered),
    Job("count-outbox", 30.0, count_backlog),
    Job("count-trouble", 30.0, count_trouble),
    Job("skip-messages", 600.0, skip_unconfigured, only_if=clocks.clocks_allow),
    # Alerts to the operator
    Job("tell-dead-letters", 30.0, alerting.alert_about_dead_letters),
    Job("tell-deadlines", 60.0, alert_about_deadlines, only_if=clocks.clocks_allow),
    Job("tell-silence", 300.0, alerting.alert_about_silence),
    Job("tell-endpoint", 300.0, alerting.alert_about_disabled_endpoint),
    Job("tell-key", 600.0, alerting.alert_about_key),
    Job("tell-missing-orders", 60.0, alert_missing),
    Job("tell-clocks", 300.0, clocks.alert_about_clocks),
    Job("tell-resolved", 30.0, owe_resolved),
    Job("skip-pushes", 600.0, skip_unknown_pushes),
    # The audit log
    Job("anchor-operator-log", 60.0, anchor_log),
    # Retention, which stops while the clocks differ so much that no age can be trusted
    Job("delete-coupons", 60.0, coupons.delete_spent_coupons),
    Job("drop-payloads", _HOUR, retention.drop_old_payloads, only_if=clocks.clocks_allow),
    Job("forget-customers", _HOUR, lambda runtime: forget_unpaid(runtime.database), only_if=clocks.clocks_allow),
    Job("forget-secret-matches", _HOUR, forget_old_matches, only_if=clocks.clocks_allow),
    # The schema
    Job("finish-migrations", 30.0, finish_migrations),
    Job("payload-partitions", 6 * _HOUR, lambda runtime: retention.make_payload_partitions(runtime.database)),
)
"""Every job: name, interval in seconds, function, and the condition under which it runs."""
