"""What is for sale: products, discounts, carts and their prices."""
