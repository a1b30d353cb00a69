"""The audit log: who did what to an order, in a hash chain with anchors."""
