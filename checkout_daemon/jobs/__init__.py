"""Work the daemon does by itself; any number of daemons may run it, and each piece is done once."""

from __future__ import annotations

from checkout_daemon.jobs import (
    alerts,
    anchoring,
    catching_up,
    doubts,
    migrating,
    outbox,
    own_account,
    partitions,
    refunds,
    retention,
    retry,
)
from checkout_daemon.jobs.runner import Job

JOBS = (
    Job("retry-events", every_seconds=2.0, run=retry.retry_due_events),
    Job("resume-refunds", every_seconds=5.0, run=refunds.resume_refunds),
    Job("settle-sessions", every_seconds=20.0, run=doubts.settle_sessions),
    Job("learn-account", every_seconds=3600.0, run=own_account.learn_account),
    Job("backfill-events", every_seconds=60.0, run=catching_up.backfill_events),
    Job("follow-refund-hints", every_seconds=20.0, run=catching_up.follow_refund_hints),
    Job("sweep-expired", every_seconds=60.0, run=catching_up.sweep_sessions),
    Job("deliver-mails", every_seconds=1.0, run=outbox.deliver_mails),
    Job("deliver-alerts", every_seconds=1.0, run=outbox.deliver_alerts),
    Job("deliver-webhooks", every_seconds=1.0, run=outbox.deliver_webhooks),
    Job("tell-dead-letters", every_seconds=30.0, run=alerts.look_for_dead_letters),
    Job("tell-silence", every_seconds=300.0, run=alerts.look_for_silence),
    Job("tell-endpoint", every_seconds=300.0, run=alerts.look_at_endpoint),
    Job("tell-missing-orders", every_seconds=60.0, run=alerts.look_for_missing_orders),
    Job("tell-clocks", every_seconds=300.0, run=alerts.look_at_clocks),
    Job("skip-messages", every_seconds=600.0, run=outbox.skip_what_nobody_sends),
    Job("count-outbox", every_seconds=30.0, run=outbox.count_backlog),
    Job("anchor-operator-log", every_seconds=60.0, run=anchoring.anchor_log),
    Job("delete-coupons", every_seconds=60.0, run=retention.delete_coupons),
    Job("drop-payloads", every_seconds=3600.0, run=retention.drop_payloads),
    Job("forget-customers", every_seconds=3600.0, run=retention.forget_customers),
    Job("finish-migrations", every_seconds=30.0, run=migrating.finish),
    Job("payload-partitions", every_seconds=6 * 3600.0, run=partitions.make_partitions),
)
"""All jobs of the daemon."""
