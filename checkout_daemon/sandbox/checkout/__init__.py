"""Checkout Sessions, from their parameters to the page on which a shopper pays."""
