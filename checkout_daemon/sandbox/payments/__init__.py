"""PaymentIntents, charges, refunds and disputes, and the test data that decides their outcome."""
