"""The core: deliveries are stored, events become facts, facts merge, and an order's status is derived."""
