"""Proposals: what an operator may not do alone, until another one approves or rejects it."""
