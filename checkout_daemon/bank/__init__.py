"""The way of the money from the card to the bank: balance transactions, fees, payouts, reports and books."""
