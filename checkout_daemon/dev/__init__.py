"""What `checkout dev` starts: embedded PostgreSQL, demo data, the children."""
