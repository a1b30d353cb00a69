"""Tests mirror the source; they run on a real PostgreSQL always."""
