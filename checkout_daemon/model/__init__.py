"""The words that every room shares: orders, money, customers, text; pure, without I/O."""
