"""The sandbox's own page: what happened here, with buttons for what a bank or customer does next."""
