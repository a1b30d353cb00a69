"""The terminal UI: `checkout tui`."""
