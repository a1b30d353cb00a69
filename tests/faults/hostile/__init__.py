"""Overload and hostile input against the running daemon."""
