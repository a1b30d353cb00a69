"""Bearer tokens, with which the shop's own systems read orders and act on them."""
