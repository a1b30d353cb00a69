-- oldest code: 4

-- The language that the shopper's browser asked for: of the mails.
ALTER TABLE orders ADD COLUMN locale text;
