"""The stock of products as operators see, set and adjust it, and their imports of the catalog."""
