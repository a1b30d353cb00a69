"""Orders as operators find, read, refund, annotate, export and erase them."""
