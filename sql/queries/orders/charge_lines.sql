-- With what orders were paid.

-- name: read_paid_with
-- $1 order ids. Of each order the charge that paid it, or else the last attempt.
SELECT DISTINCT ON (charges.order_id) charges.order_id, method AS payment_method, brand AS card_brand, last4, funding AS card_funding,
       country AS card_country, wallet AS card_wallet, network AS card_network, decline_code, nullif(decline_message, '') AS decline_message,
       risk_level, nullif(risk_score, -1) AS risk_score
FROM charges JOIN orders ON orders.id = charges.order_id AND orders.livemode = charges.livemode
WHERE charges.order_id = ANY($1::uuid[])
ORDER BY charges.order_id, charges.status = 'succeeded' DESC, charges.created_at DESC, charges.id DESC;
