-- oldest code: 1

-- A batch may be about several sessions or payments of one order.

-- concurrently
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS batch_items_once_each ON batch_items (batch, subject, object_id) NULLS NOT DISTINCT;
DROP INDEX CONCURRENTLY IF EXISTS batch_items_once;
