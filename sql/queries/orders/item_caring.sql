-- Who takes care of what needs a person and is about no order.

-- name: read_item_care
-- $1 items
SELECT item, owner, snoozed_until, note, note_by, note_at FROM item_care WHERE item = ANY($1::text[]);

-- name: set_item_owner
-- $1 item, $2 name or null
INSERT INTO item_care (item, owner) VALUES ($1, $2) ON CONFLICT (item) DO UPDATE SET owner = excluded.owner;

-- name: set_item_snooze
-- $1 item, $2 until or null
INSERT INTO item_care (item, snoozed_until) VALUES ($1, $2)
ON CONFLICT (item) DO UPDATE SET snoozed_until = excluded.snoozed_until;

-- name: set_item_note
-- $1 item, $2 note, $3 who wrote it
INSERT INTO item_care (item, note, note_by, note_at) VALUES ($1, $2, $3, now())
ON CONFLICT (item) DO UPDATE SET note = excluded.note, note_by = excluded.note_by, note_at = excluded.note_at;
