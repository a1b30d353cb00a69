"""SQL as package data: schema.sql, migrations/ and queries/."""
