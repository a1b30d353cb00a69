"""What fills the terminal at a time: orders, one order, events, and what asks or explains."""
