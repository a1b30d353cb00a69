-- oldest code: 1

-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS outbox_to_owe_again ON outbox (order_id)
    WHERE status = 'skipped' AND kind = 'order.completed' AND last_error = 'the order is refunded by now';
