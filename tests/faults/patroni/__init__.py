"""The daemon on three PostgreSQL nodes under Patroni, and what happens when one of them is lost."""
