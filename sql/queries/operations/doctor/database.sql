-- What `checkout doctor` counts.

-- name: count_late_effects
-- Orders with an object that appeared at Stripe after its request was given up.
SELECT count(*) FROM orders WHERE attention <> '{}' AND 'appeared_late' = ANY(attention);
