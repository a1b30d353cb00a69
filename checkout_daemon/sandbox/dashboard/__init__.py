"""The sandbox's own page: what happened here, and buttons for what a bank or a customer would do next."""
