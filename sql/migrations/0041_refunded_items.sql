-- oldest code: 1

-- The items that an operator chose to refund. Refunds of an amount have none.
ALTER TABLE refund_requests ADD COLUMN items text;
