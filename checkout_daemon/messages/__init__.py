"""Delivering what is owed: mails, webhooks and alerts."""
