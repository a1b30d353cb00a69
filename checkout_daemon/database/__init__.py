"""PostgreSQL: the pool, named statements, migrations, leases and cursors."""
