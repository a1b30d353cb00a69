-- Pages of all orders in another sequence than the newest first (order_lists.sql), each from one index.
--
-- $1 key and $2 number of the previous order, or nulls for the first page; $3 limit; $4 how many orders to skip, which the index alone
-- does. The comparison has bounds instead of nulls, so that the index is entered there.

-- name: sort_orders_by_created
SELECT * FROM order_rows WHERE number = ANY(ARRAY(
    SELECT number FROM orders
    WHERE (created_at, number) > (coalesce($1::timestamptz, '-infinity'), coalesce($2::bigint, 0))
    ORDER BY created_at, number OFFSET $4::bigint LIMIT $3
)) ORDER BY created_at, number;

-- name: sort_orders_by_created_down
SELECT * FROM order_rows WHERE number = ANY(ARRAY(
    SELECT number FROM orders
    WHERE (created_at, number) < (coalesce($1::timestamptz, 'infinity'), coalesce($2::bigint, 9223372036854775807))
    ORDER BY created_at DESC, number DESC OFFSET $4::bigint LIMIT $3
)) ORDER BY created_at DESC, number DESC;

-- name: sort_orders_by_number
SELECT * FROM order_rows WHERE number = ANY(ARRAY(
    SELECT number FROM orders WHERE number > coalesce($1::bigint, $2::bigint, 0) ORDER BY number OFFSET $4::bigint LIMIT $3
)) ORDER BY number;

-- name: sort_orders_by_number_down
SELECT * FROM order_rows WHERE number = ANY(ARRAY(
    SELECT number FROM orders WHERE number < coalesce($1::bigint, $2::bigint, 9223372036854775807)
    ORDER BY number DESC OFFSET $4::bigint LIMIT $3
)) ORDER BY number DESC;

-- name: list_orders_changed_last
-- $1 how many changes to look at, $2 limit. The orders that the newest changes are about.
SELECT order_id FROM (SELECT order_id, seq FROM order_changes ORDER BY seq DESC LIMIT $1) AS newest
GROUP BY order_id ORDER BY max(seq) DESC LIMIT $2;
