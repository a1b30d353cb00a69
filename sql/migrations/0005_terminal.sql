-- oldest code: 1

-- Revenue by the time of payment, which the order terminal counts again and again.
-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_by_payment ON orders (paid_at) WHERE paid_at IS NOT NULL;
