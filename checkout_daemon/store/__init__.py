"""Reads and writes PostgreSQL; every statement lives in sql/queries."""
