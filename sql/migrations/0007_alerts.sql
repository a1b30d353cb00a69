-- oldest code: 1

-- What somebody has been told of, as long as it is so: each is told once, whichever daemon sees it.
CREATE TABLE alerts (
    kind      text NOT NULL,
    subject   text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, subject)
);
