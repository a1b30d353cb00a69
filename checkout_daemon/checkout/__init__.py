"""From a cart to a payment: places orders; opens, resends and expires their sessions; cancels orders."""
