-- oldest code: 1

-- A tenth of each page is left to new versions of its rows. Otherwise a new version, and each new row that is a little shorter than
-- those before, fills the end of some page of years ago, which is then written whole to the log.
ALTER TABLE orders SET (fillfactor = 90);
ALTER TABLE checkout_sessions SET (fillfactor = 90);
