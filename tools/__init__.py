"""Programs for those who work on checkout-daemon; none of them is part of the wheel."""
