"""PostgreSQL as others run it: behind a pooler, of another release."""
