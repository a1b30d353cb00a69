"""From a cart to a payment: orders are placed, sessions opened, resent, expired and canceled."""
