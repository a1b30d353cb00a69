"""Answers disputes: evidence is staged from what we hold, edited, and submitted once; or the dispute is accepted."""
