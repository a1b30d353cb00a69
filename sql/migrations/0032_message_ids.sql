-- oldest code: 1

-- Ids of messages begin with 16 bits of the time, as those of orders do (orders/order_ids.py): rows that are written together are
-- neighbours in the index.
ALTER TABLE outbox ALTER COLUMN id SET DEFAULT
    overlay(gen_random_uuid()::text PLACING lpad(to_hex(extract(epoch FROM now())::bigint / 600 % 65536), 4, '0') FROM 1)::uuid;
