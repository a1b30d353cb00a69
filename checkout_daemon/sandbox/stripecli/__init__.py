"""The official Stripe CLI's part of the protocol: sessions, their websockets, and log lines."""
