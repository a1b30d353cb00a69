"""The daemon's background jobs."""
