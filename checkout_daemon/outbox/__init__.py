"""The messages that are owed: the queue, its listing, and alerts for operators."""
