-- name: has_test_orders
-- Whether the shop has an order of test mode. Without one, all orders are read: only `doctor --live` asks.
SELECT EXISTS (SELECT FROM orders WHERE NOT livemode);
