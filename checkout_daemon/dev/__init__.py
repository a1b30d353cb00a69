"""`checkout dev`: embedded PostgreSQL, demo data, the offline Stripe and the daemon."""
