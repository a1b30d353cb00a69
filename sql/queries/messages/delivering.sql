-- To which endpoints messages are sent.

-- name: endpoints_in_use
SELECT name FROM webhook_endpoints WHERE disabled_at IS NULL ORDER BY name;

-- name: has_endpoints
SELECT EXISTS (SELECT FROM webhook_endpoints);
