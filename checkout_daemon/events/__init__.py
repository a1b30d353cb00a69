"""What operators do with events: list, follow, replay."""
