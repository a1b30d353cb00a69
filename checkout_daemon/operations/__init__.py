"""Running the shop: doctor, vital signs, backups, schema, retention."""
