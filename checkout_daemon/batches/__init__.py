"""Batches: one act on many orders, events or messages, stored so that nothing of it is lost or repeated."""
