"""The hosted pages' HTML and style."""
