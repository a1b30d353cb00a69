"""Sends what the outbox holds: mails, webhooks and alerts."""
