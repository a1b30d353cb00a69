-- oldest code: 1

-- Which key signed an anchor; null: it is hashed only, as all were before.
ALTER TABLE anchors ADD COLUMN key_id text;
