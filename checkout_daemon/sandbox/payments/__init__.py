"""PaymentIntents, charges, refunds and disputes, and the test data that decides what becomes of them."""
