"""The outbox: sends what is owed, at least once, and makes what cannot be sent visible and replayable."""
